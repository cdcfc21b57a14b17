"""What the cloud trusts: the one certificate that was uploaded to it, or what every system trusts."""

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from validator.operations.certificates import chain
from validator.operations.certificates.cer import read_cer


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
    """Return trust in the certificate in *path*, the file that was uploaded; raises OperatorError."""
    return Trust(read_cer(path), f"only {path.name}")
