"""The certificate that was handed over is read no more tolerantly than the cloud's keystore reads it."""

import base64
from pathlib import Path

import pytest

from tests.support.certificates import authority, server
from validator.errors import OperatorError
from validator.operations.certificates.cer import read_cer

ROOT = authority("root")
LEAF = server(ROOT)


def written(folder: Path, content: bytes) -> Path:
    """Return a file with *content*."""
    path = folder / "server.cer"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        ROOT.der,
        ROOT.pem,
        ROOT.pem.replace(b"\n", b"\r\n"),
        b"subject=CN = root\n\n" + ROOT.pem,
        ROOT.pem + b"\nwords\n",
    ],
    ids=["DER", "PEM", "of Windows", "words before", "words after"],
)
def test_every_form_that_the_cloud_takes_is_read(tmp_path: Path, content: bytes) -> None:
    """DER and PEM give the same certificate, and words around a PEM are passed over."""
    assert read_cer(written(tmp_path, content)) == ROOT.certificate


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "has no certificate"),
        (b"no certificate", "has no certificate"),
        (base64.b64encode(ROOT.der), "has no certificate"),
        (ROOT.der + b"\n", "trailing bytes"),
        (ROOT.der[:-1], "not a certificate in DER"),
        (b"\xef\xbb\xbf" + ROOT.pem, "byte-order mark"),
        (ROOT.pem + LEAF.pem, "2 certificates"),
        (ROOT.pem + ROOT.key_pem, "private key"),
        (ROOT.key_pem, "private key"),
    ],
    ids=["empty", "text", "base64", "DER and a newline", "cut", "mark", "two", "with a key", "only a key"],
)
def test_what_the_cloud_does_not_take_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    """A file that keytool would refuse, or take a part of, is refused here with the reason and its name."""
    with pytest.raises(OperatorError, match=rf"server\.cer: .*{words}"):
        read_cer(written(tmp_path, content))


def test_missing_file_is_told(tmp_path: Path) -> None:
    """The message names the file."""
    with pytest.raises(OperatorError, match=r"nothing\.cer: cannot be read"):
        read_cer(tmp_path / "nothing.cer")
