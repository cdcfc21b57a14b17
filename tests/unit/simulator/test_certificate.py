"""The `.cer` that is taken, and the trust in exactly that."""

import ssl
from pathlib import Path

import pytest
import trustme

from validator.simulator.certificate import read_certificate, trusting

AUTHORITY = trustme.CA()
LEAF = AUTHORITY.issue_cert("127.0.0.1")
PEM = LEAF.cert_chain_pems[0].bytes()
DER = ssl.PEM_cert_to_DER_cert(PEM.decode())


@pytest.mark.parametrize("content", [PEM, DER], ids=["pem", "der"])
def test_one_certificate_is_taken(tmp_path: Path, content: bytes) -> None:
    """PEM and DER are the same certificate."""
    (tmp_path / "server.cer").write_bytes(content)

    assert read_certificate(tmp_path / "server.cer") == DER


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not one certificate"),
        (b"\xef\xbb\xbf" + PEM, "not one certificate"),
        (DER + b"\n", "not one certificate"),
        (b"".join(PEM.splitlines()[1:-1]), "not one certificate"),
        (PEM + AUTHORITY.cert_pem.bytes(), "more than one"),
        (PEM + LEAF.private_key_pem.bytes(), "private key"),
    ],
    ids=["empty", "bom", "trailing newline", "bare base64", "two", "with the key"],
)
def test_what_the_cloud_would_not_take_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    """What a Java keystore refuses, or would take only a part of, is refused in words."""
    (tmp_path / "server.cer").write_bytes(content)

    with pytest.raises(ValueError, match=why):
        read_certificate(tmp_path / "server.cer")


def handshake(trusted: bytes, server: trustme.LeafCert, name: str = "127.0.0.1") -> str:
    """Return how a handshake in memory ends that trusts *trusted* and meets *server*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.configure_cert(context)
    ways = [ssl.MemoryBIO() for _ in range(2)]
    client = trusting(trusted).wrap_bio(ways[0], ways[1], server_hostname=name)
    other = context.wrap_bio(ways[1], ways[0], server_side=True)
    for _ in range(4):
        for side in (client, other):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return error.verify_message
    return "done"


def test_handed_over_leaf_is_trusted() -> None:
    """The server's own certificate is enough, whoever signed it; that of its authority too."""
    assert handshake(DER, LEAF) == "done"
    assert handshake(ssl.PEM_cert_to_DER_cert(AUTHORITY.cert_pem.bytes().decode()), LEAF) == "done"


def test_nothing_else_is_trusted() -> None:
    """Another certificate of the same authority is refused, and so is another name."""
    sibling = AUTHORITY.issue_cert("127.0.0.1")

    assert "unable to get local issuer" in handshake(DER, sibling)
    assert "mismatch" in handshake(DER, LEAF, "127.0.0.2")


def test_old_tls_is_refused() -> None:
    """The cloud speaks TLS 1.2 or newer."""
    assert trusting(DER).minimum_version is ssl.TLSVersion.TLSv1_2
