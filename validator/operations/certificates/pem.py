"""The proxy's files of certificates and keys (PEM), read as strictly as by OpenSSL.

A file holds blocks between a BEGIN and an END line, each a separate line (RFC 7468). Text around them is
ignored. A file that would stop the proxy from starting raises `UnreadableError`, with a message and a code.
"""

import re
import warnings
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.utils import CryptographyDeprecationWarning

from validator.errors import OperatorError
from validator.files import check_not_wide

FORBIDDEN = "forbidden"  # the code of a file that this user may not read
SYSTEM_ROOTS = Path("/etc/ssl/certs/ca-certificates.crt")
_BLOCK = re.compile(
    rb"^-----BEGIN ([A-Z0-9 ]+)-----[ \t]*\r?\n(?:(?!-----)[\s\S])*^-----END \1-----[ \t]*\r?$", re.MULTILINE
)
_CERTIFICATES = {"CERTIFICATE", "X509 CERTIFICATE"}


class UnreadableError(OperatorError):
    """A file is not usable; `code` is a short word for the problem, `words` say what to do."""

    def __init__(self, words: str, code: str = "unreadable") -> None:
        super().__init__(words)
        self.words, self.code = words, code


@dataclass(frozen=True, slots=True)
class ChainFile:
    """The certificates of one file, in its order, and whether it also contains a private key."""

    path: Path
    certificates: tuple[x509.Certificate, ...]
    has_key: bool


def read_chain(path: Path) -> ChainFile:
    """Return the certificates in *path*, at least one; raises UnreadableError."""
    content = _read(path)
    blocks = _blocks(path, content)
    labels = {label for label, _ in blocks}
    certificates = tuple(_certificate(path, block) for label, block in blocks if label in _CERTIFICATES)
    if not certificates:
        raise _unreadable(path, _what_else(content, labels))
    return ChainFile(path, certificates, any(map(_is_key, labels)))


def read_key(path: Path) -> PrivateKeyTypes:
    """Return the private key in *path*; raises UnreadableError, also when it needs a passphrase."""
    keys = [block for label, block in _blocks(path, _read(path)) if _is_key(label)]
    if len(keys) != 1:
        raise _unreadable(
            path, f"has {len(keys) or 'no'} private keys in PEM: name the file with the one key"
        )
    try:
        return load_pem_private_key(keys[0], None)
    except TypeError:
        words = "needs a passphrase, for which the proxy would wait at each start: "
        words += f"write it without one, readable for root only: openssl pkey -in {path} -out NEW"
        raise UnreadableError(f"{path}: {words}", "key-encrypted") from None
    except (ValueError, UnsupportedAlgorithm):
        raise _unreadable(path, "has a private key that is damaged, or of an unknown kind") from None


def read_roots(path: Path = SYSTEM_ROOTS) -> tuple[x509.Certificate, ...]:
    """Return the readable certificates in a bundle of roots; none without a bundle."""
    roots = []
    try:
        blocks = _blocks(path, path.read_bytes())
    except FileNotFoundError:
        return ()
    for _, block in blocks:
        try:
            roots.append(_certificate(path, block))
        except UnreadableError:
            continue
    return tuple(roots)


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        check_not_wide(content)
    except PermissionError as error:
        raise UnreadableError(f"{path}: cannot be read: {error.strerror}", FORBIDDEN) from None
    except OSError as error:
        raise _unreadable(path, f"cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise _unreadable(path, str(error)) from None
    return content.removeprefix(b"\xef\xbb\xbf")  # OpenSSL ignores it too


def _blocks(path: Path, content: bytes) -> list[tuple[str, bytes]]:
    found = [(match[1].decode("ascii"), match[0]) for match in _BLOCK.finditer(content)]
    if len(found) != content.count(b"-----BEGIN "):
        words = "has a BEGIN or END line that is missing, cut, or not on a separate line: "
        raise _unreadable(path, words + "join files with a line feed between them, and copy them whole")
    return found


def _certificate(path: Path, block: bytes) -> x509.Certificate:
    try:
        with warnings.catch_warnings():
            # Some old roots have a serial number that today's rules forbid.
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            certificate = x509.load_pem_x509_certificate(block)
            # These are parsed lazily.
            certificate.extensions, certificate.public_key()
            return certificate
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension):
        raise _unreadable(
            path, "has a certificate that is damaged: get it again from who issued it"
        ) from None


def _what_else(content: bytes, labels: set[str]) -> str:
    """Return the message for a file without a certificate, by what it seems to be."""
    if "PKCS7" in labels:
        return "is PKCS#7, and the proxy needs PEM: openssl pkcs7 -print_certs -in OLD -out NEW"
    if any(map(_is_key, labels)):
        return "has a private key and no certificate: are the two files exchanged?"
    if not content.startswith(b"\x30"):
        return "has no certificate in PEM: it begins with -----BEGIN CERTIFICATE-----"
    try:
        x509.load_der_x509_certificate(content)
    except ValueError:
        return "is not PEM, maybe PKCS#12 (.pfx): openssl pkcs12 -nokeys -in OLD -out NEW"
    return "is DER, and the proxy needs PEM: openssl x509 -inform der -in OLD -out NEW"


def _is_key(label: str) -> bool:
    return label.endswith("PRIVATE KEY")


def _unreadable(path: Path, words: str) -> UnreadableError:
    return UnreadableError(f"{path}: {words}")
