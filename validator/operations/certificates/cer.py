"""The one certificate that the cloud trusts (`.cer`), read at least as strictly as by the cloud's keystore.

It is PEM or DER. Java's keytool (OpenJDK 17) refuses a PEM behind a byte-order mark or a key, bare base64 and
a truncated DER; it ignores text around a PEM. Of several certificates it silently stores the first, and it
accepts a DER with trailing bytes and a PEM with a key below. Those contain more than the one certificate, and
are refused here.
"""

from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from validator.errors import OperatorError
from validator.operations.certificates.pem import read_chain

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_DER_BEGINS = b"\x30"


def read_cer(path: Path) -> x509.Certificate:
    """Return the certificate in *path*; raises OperatorError unless the file contains exactly one."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise OperatorError(f"{path}: cannot be read: {error.strerror}") from None
    if content.startswith(_BYTE_ORDER_MARK):
        raise OperatorError(
            f"{path}: begins with a byte-order mark, which the cloud does not accept: remove it"
        )
    return _from_der(path, content) if content.startswith(_DER_BEGINS) else _from_pem(path)


def _from_der(path: Path, content: bytes) -> x509.Certificate:
    try:
        certificate = x509.load_der_x509_certificate(content)
        certificate.extensions, certificate.public_key()  # parsed lazily
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension):
        raise OperatorError(f"{path}: is not a certificate in DER, or has trailing bytes") from None
    return certificate


def _from_pem(path: Path) -> x509.Certificate:
    held = read_chain(path)
    if held.has_key:
        raise OperatorError(f"{path}: has a private key in it: never hand that over")
    if len(held.certificates) > 1:
        raise OperatorError(
            f"{path}: has {len(held.certificates)} certificates, and the cloud stores only one of them"
        )
    return held.certificates[0]
