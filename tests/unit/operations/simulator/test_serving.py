"""How the stand-in answers TLS: with today's versions, and under names only to who asks for one of them."""

import ssl
from pathlib import Path

from tests.support.fakes import FakeClock
from validator.operations.certificates.localca import LocalAuthority
from validator.operations.simulator.serving import server_context


def test_name_is_checked_only_when_there_is_one(tmp_path: Path) -> None:
    """Without names every handshake is answered; old TLS never is."""
    files = LocalAuthority(tmp_path / "tls", FakeClock()).issue(["cloud.example"])

    assert server_context(*files, ()).sni_callback is None
    assert server_context(*files, ("cloud.example",)).sni_callback is not None
    assert server_context(*files, ()).minimum_version is ssl.TLSVersion.TLSv1_2
