"""The enterprise's certificate as the cloud takes it: one `.cer` file, and trust in exactly that.

The cloud is a Java client. Its keystore takes one certificate, PEM or DER; a PEM behind a byte-order mark,
a DER with anything after it, bare base64 and a file with a private key are refused (tried with keytool).
Trust is the certificate itself or what it signed; names are checked against the subject alternative names
only.
"""

import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

_PEM = b"-----BEGIN CERTIFICATE-----"
_LARGEST = 65536  # bytes; a certificate has about one thousand


def read_certificate(path: Path) -> bytes:
    """Return the one certificate in *path* as DER; raises OSError, or ValueError that says what is wrong."""
    with path.open("rb") as file:
        content = file.read(_LARGEST)
    if b"PRIVATE KEY-----" in content:
        raise ValueError("has a private key in it: hand over the certificate alone")
    if content.count(_PEM) > 1:
        raise ValueError("has more than one certificate: hand over the one that is to be trusted")
    try:
        if content.startswith(_PEM):
            certificate = x509.load_pem_x509_certificate(content)
        else:
            certificate = x509.load_der_x509_certificate(content)
    except ValueError:
        raise ValueError(
            "is not one certificate in PEM or DER, without anything before or after it"
        ) from None
    return certificate.public_bytes(Encoding.DER)


def trusting(certificate: bytes) -> ssl.SSLContext:
    """Return how to connect when nothing is trusted but *certificate* (DER) and what it signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    # As in Java, a certificate that was handed over is trusted itself, whoever signed it.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=certificate)
    return context


def system_trust() -> ssl.SSLContext:
    """Return how to connect when the system's own authorities are trusted."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
