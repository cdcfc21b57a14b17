"""The cloud's trust: the one certificate that was uploaded to it, or the usual authorities."""

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from validator.operations.certificates import chain
from validator.operations.certificates.cer import read_cer


@dataclass(frozen=True, slots=True)
class Trust:
    """The one trusted certificate and its description; without one, the system's authorities."""

    certificate: x509.Certificate | None = None
    words: str = "this system's authorities"

    @property
    def anchor(self) -> bytes | None:
        """The certificate (DER)."""
        return self.certificate.public_bytes(Encoding.DER) if self.certificate else None

    @property
    def may_issue(self) -> bool:
        """Whether the trusted certificate may issue others; a server's certificate may not."""
        return self.certificate is None or chain.is_authority(self.certificate)


def read_trust(path: Path) -> Trust:
    """Return the trust in the uploaded certificate, the file *path*; raises OperatorError."""
    return Trust(read_cer(path), f"only {path.name}")
