"""What the cloud trusts, and what to call it."""

from pathlib import Path

import pytest

from tests.support.certificates import Issued, authority, server
from validator.operations.doctor.trust import Trust, read_trust

ROOT = authority("root")
LEAF = server(ROOT)


def test_uploaded_file_is_what_is_trusted(tmp_path: Path) -> None:
    """The certificate in the file is the anchor, and the file's name is what to call it."""
    path = tmp_path / "server.cer"
    path.write_bytes(ROOT.pem)

    trust = read_trust(path)

    assert (trust.certificate, trust.anchor) == (ROOT.certificate, ROOT.der)
    assert trust.words == "only server.cer"


@pytest.mark.parametrize(("issued", "may_issue"), [(ROOT, True), (LEAF, False)], ids=["root", "leaf"])
def test_only_an_authority_vouches_for_others(issued: Issued, may_issue: bool) -> None:
    """Under a server's own certificate there is no chain that could have a gap."""
    assert Trust(issued.certificate).may_issue is may_issue


def test_without_a_certificate_the_system_is_trusted() -> None:
    """No anchor means the system's authorities."""
    assert (Trust().anchor, Trust().may_issue) == (None, True)
