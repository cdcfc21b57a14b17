"""Trust in exactly the certificate that was handed over."""

import ssl

import trustme

from validator.operations.simulator.certificate import trusting

AUTHORITY = trustme.CA()
LEAF = AUTHORITY.issue_cert("127.0.0.1")
DER = ssl.PEM_cert_to_DER_cert(LEAF.cert_chain_pems[0].bytes().decode())


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
    """The server's own certificate is enough, whatever signed it; that of its authority too."""
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
