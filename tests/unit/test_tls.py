"""The TLS of connections to other systems: verified, modern, and independent of the environment."""

import ssl
from pathlib import Path

import pytest

from validator.tls import trusting


def test_certificate_and_name_are_verified() -> None:
    """A context requires a certificate of the name, not of the common name, and TLS 1.2 at least."""
    context = trusting(None)

    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert not context.hostname_checks_common_name
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_session_keys_are_not_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment cannot have the session keys written to a file; the control is the usual context."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))

    assert trusting(None).keylog_filename is None
    assert ssl.create_default_context().keylog_filename == str(tmp_path / "keys")


def test_unreadable_authorities_raise(tmp_path: Path) -> None:
    """A file without certificates, and a missing one, are errors: the system's do not take its place."""
    (tmp_path / "ca.pem").write_text("none")

    for file in (tmp_path / "ca.pem", tmp_path / "missing.pem"):
        with pytest.raises(OSError):  # noqa: PT011 - of several kinds
            trusting(file)
