"""What the cloud trusts: the one certificate that was uploaded to it, or what every system trusts."""

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from validator.certificates import chain
from validator.certificates.pem import read_chain
from validator.errors import OperatorError

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_DER_BEGINS = b"\x30"


@dataclass(frozen=True, slots=True)
class Trust:
    """The one certificate that is trusted, and what to call it; without one, the system's authorities."""

    certificate: x509.Certificate | None = None
    words: str = "this system's authorities"

    @property
    def anchor(self) -> bytes | None:
        """The certificate (DER)."""
        return self.certificate.public_bytes(Encoding.DER) if self.certificate else None

    @property
    def may_issue(self) -> bool:
        """Whether others can be issued by what is trusted; a server's own certificate issues none."""
        return self.certificate is None or chain.is_authority(self.certificate)


def read_trust(path: Path) -> Trust:
    """Return the certificate in *path*, DER or PEM, as the file that was uploaded.

    Raises OperatorError for what the cloud could not take either: no certificate, several, more than it.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise OperatorError(f"{path}: cannot be read: {error.strerror}") from None
    if content.startswith(_BYTE_ORDER_MARK):
        raise OperatorError(
            f"{path}: begins with a byte-order mark, which the cloud does not take: remove it"
        )
    certificate = _from_der(path, content) if content.startswith(_DER_BEGINS) else _from_pem(path)
    return Trust(certificate, f"only {path.name}")


def _from_der(path: Path, content: bytes) -> x509.Certificate:
    try:
        certificate = x509.load_der_x509_certificate(content)
        certificate.extensions, certificate.public_key()  # parsed when asked for
    except (ValueError, x509.DuplicateExtension):
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
