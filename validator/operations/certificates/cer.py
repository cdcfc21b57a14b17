"""The one certificate that the cloud trusts (`.cer`), read no more tolerantly than the cloud's keystore.

It is PEM or DER. Java's keytool (OpenJDK 17) refuses a PEM behind a byte-order mark or a key, bare base64 and
a DER that is cut; it passes over words around a PEM. Of several certificates it keeps the first without a
word, and it takes a DER with anything after it and a PEM with a key below: all of that is more than the one
certificate, and refused here.
"""

from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from validator.errors import OperatorError
from validator.operations.certificates.pem import read_chain

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_DER_BEGINS = b"\x30"


def read_cer(path: Path) -> x509.Certificate:
    """Return the certificate in *path*; raises OperatorError for none, for several, or for more than it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise OperatorError(f"{path}: cannot be read: {error.strerror}") from None
    if content.startswith(_BYTE_ORDER_MARK):
        raise OperatorError(
            f"{path}: begins with a byte-order mark, which the cloud does not take: remove it"
        )
    return _from_der(path, content) if content.startswith(_DER_BEGINS) else _from_pem(path)


def _from_der(path: Path, content: bytes) -> x509.Certificate:
    try:
        certificate = x509.load_der_x509_certificate(content)
        certificate.extensions, certificate.public_key()  # parsed when asked for
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension):
        raise OperatorError(f"{path}: is no certificate in DER, or has something after it") from None
    return certificate


def _from_pem(path: Path) -> x509.Certificate:
    held = read_chain(path)
    if held.has_key:
        raise OperatorError(f"{path}: has a private key in it: never hand that over")
    if len(held.certificates) > 1:
        raise OperatorError(
            f"{path}: has {len(held.certificates)} certificates, and the cloud keeps one of them"
        )
    return held.certificates[0]
