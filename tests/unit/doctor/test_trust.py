"""What the cloud trusts is read as strictly as the cloud reads it."""

from pathlib import Path

import pytest

from tests.certificates import Issued, authority, server
from validator.doctor.trust import Trust, read_trust
from validator.errors import OperatorError

ROOT = authority("root")
LEAF = server(ROOT)


def read(folder: Path, content: bytes) -> Trust:
    """Return what is read from a file with *content*."""
    path = folder / "server.cer"
    path.write_bytes(content)
    return read_trust(path)


@pytest.mark.parametrize("content", [ROOT.der, ROOT.pem, ROOT.pem.replace(b"\n", b"\r\n")])
def test_either_form_is_read(tmp_path: Path, content: bytes) -> None:
    """DER and PEM give the same certificate, and what to call it."""
    trust = read(tmp_path, content)

    assert (trust.certificate, trust.anchor) == (ROOT.certificate, ROOT.der)
    assert trust.words == "only server.cer"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "has no certificate"),
        (b"no certificate", "has no certificate"),
        (ROOT.der + b"\n", "something after it"),
        (ROOT.der[:-1], "no certificate in DER"),
        (b"\xef\xbb\xbf" + ROOT.pem, "byte-order mark"),
        (ROOT.pem + LEAF.pem, "2 certificates"),
        (ROOT.pem + ROOT.key_pem, "private key"),
    ],
    ids=["empty", "text", "DER and a newline", "cut DER", "PEM with a mark", "two certificates", "a key"],
)
def test_what_the_cloud_does_not_take_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    """A file that keytool would refuse, or take half of, is refused here with the reason."""
    with pytest.raises(OperatorError, match=words):
        read(tmp_path, content)


def test_missing_file_is_told(tmp_path: Path) -> None:
    """The message names the file."""
    with pytest.raises(OperatorError, match=r"nothing\.cer"):
        read_trust(tmp_path / "nothing.cer")


@pytest.mark.parametrize(("issued", "may_issue"), [(ROOT, True), (LEAF, False)], ids=["root", "leaf"])
def test_only_an_authority_vouches_for_others(issued: Issued, may_issue: bool) -> None:
    """Under a server's own certificate there is no chain that could have a gap."""
    assert Trust(issued.certificate).may_issue is may_issue


def test_without_a_certificate_the_system_is_trusted() -> None:
    """No anchor means the system's authorities."""
    assert (Trust().anchor, Trust().may_issue) == (None, True)
