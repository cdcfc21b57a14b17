"""The certificate that is handed to the cloud's administrator (`.cer`), and its record.

The cloud trusts only the certificate that is uploaded. The issuer's certificate outlives the renewal of the
server's, which must be handed over again each time. Public authorities may issue each renewal from another
intermediate; only their root outlives that. A root is enough only while the server sends every intermediate.
Two files contain the same certificate: `server.cer` in DER without trailing bytes, and `server-pem.cer` in
PEM without a byte-order mark; Java's keytool reads either.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from validator.clock import Clock, iso_milliseconds
from validator.errors import OperatorError
from validator.files import write_private
from validator.operations.certificates import chain
from validator.operations.certificates.pem import read_chain

DER_NAME = "server.cer"
PEM_NAME = "server-pem.cer"
RECORD = "handover.json"
_PUBLIC = 0o644


class Which(StrEnum):
    """The certificates of a chain that may be handed over."""

    RECOMMENDED = "recommended"
    LEAF = "leaf"
    ISSUER = "issuer"
    ROOT = "root"


@dataclass(frozen=True, slots=True)
class Handover:
    """The handed-over certificate, and when it was handed over.

    *names* are those of the server; *subject*, *issuer*, *expires_at*, *sha256* (of the DER, in hexadecimal)
    and *pem* are those of the certificate in the *files*.
    """

    which: Which
    why: str
    sha256: str
    subject: str
    issuer: str
    names: tuple[str, ...]
    expires_at: datetime
    at: datetime
    files: tuple[str, ...]
    pem: str

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate that was handed over."""
        return x509.load_pem_x509_certificate(self.pem.encode("ascii"))


def export(
    chain_file: Path, which: Which, out: Path, clock: Clock, *, trusted: Sequence[x509.Certificate] = ()
) -> Handover:
    """Write the certificate for the cloud's administrator into the folder *out*; return its record.

    *trusted* are certificates, such as roots, that the server need not send. Raises OperatorError for a file
    that contains a private key, a missing certificate, or an expired one; else OSError.
    """
    held = read_chain(chain_file)
    if held.has_key:
        raise OperatorError(f"{chain_file}: has a private key in it: move that to a separate file, 0600")
    path = chain.path_of(held.certificates)
    asked = which
    which, chosen = _choose(path, which, trusted)
    if chosen.not_valid_after_utc < clock.now():
        end = iso_milliseconds(chosen.not_valid_after_utc)
        raise OperatorError(f"{chain.title_of(chosen)} has ended at {end}: renew it first")
    files = _write(chosen, out)
    return Handover(
        which=which,
        why=_why(which, chosen, is_recommended=asked is Which.RECOMMENDED),
        sha256=chain.fingerprint_of(chosen),
        subject=chain.title_of(chosen),
        issuer=chosen.issuer.rfc4514_string(),
        names=chain.names_of(path[0]),
        expires_at=chosen.not_valid_after_utc,
        at=clock.now(),
        files=files,
        pem=chosen.public_bytes(Encoding.PEM).decode("ascii"),
    )


def record(home: Path, handover: Handover) -> None:
    """Store *handover* in *home*, instead of an earlier one; raises OSError."""
    write_private(home / RECORD, orjson.dumps(asdict(handover), option=orjson.OPT_INDENT_2) + b"\n")


def load_handover(home: Path) -> Handover | None:
    """Return the last record, None without one; raises OperatorError for a damaged record."""
    try:
        stored: dict[str, Any] = orjson.loads((home / RECORD).read_bytes())
        times = {name: datetime.fromisoformat(stored[name]) for name in ("expires_at", "at")}
        lists = {name: tuple(stored[name]) for name in ("names", "files")}
        handover = Handover(**{**stored, **times, **lists, "which": Which(stored["which"])})
        is_whole = chain.fingerprint_of(handover.certificate) == handover.sha256
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        is_whole = False
    if not is_whole:
        raise OperatorError(f"{home / RECORD}: cannot be read: run `validator cert export` again")
    return handover


def _choose(
    path: Sequence[x509.Certificate], which: Which, trusted: Sequence[x509.Certificate]
) -> tuple[Which, x509.Certificate]:
    """Return the certificate of *path* that *which* names, and its position in place of "recommended"."""
    leaf, last = path[0], path[-1]
    if which is Which.RECOMMENDED:
        which = _recommended(path, trusted)
    if which is Which.LEAF:
        return which, leaf
    if chain.is_self_signed(leaf):
        raise OperatorError(f"{chain.title_of(leaf)} is self-signed, there is no issuer: --which leaf")
    above = path[1] if len(path) > 1 else chain.issuer_of(leaf, trusted)
    if which is Which.ROOT:
        above = last if chain.is_self_signed(last) else chain.issuer_of(last, trusted)
    if above is None:
        missing = (leaf if which is Which.ISSUER else last).issuer.rfc4514_string()
        raise OperatorError(
            f"the certificate of {missing} is neither in the file nor trusted here: append it to the file"
        )
    return which, above


def _recommended(path: Sequence[x509.Certificate], trusted: Sequence[x509.Certificate]) -> Which:
    """Return which certificate of *path* outlives the most renewals.

    A public authority picks one of several intermediates at each renewal, so its root is recommended if that
    is one of *trusted*. Below a root that is only in the file, such as an enterprise's, it is the issuer.
    """
    leaf, last = path[0], path[-1]
    if chain.is_self_signed(leaf):
        return Which.LEAF
    root = last if chain.is_self_signed(last) else chain.issuer_of(last, trusted)
    has_intermediate = len(path) > 1 and path[1] != root
    return Which.ROOT if has_intermediate and root is not None and root in trusted else Which.ISSUER


def _why(which: Which, chosen: x509.Certificate, *, is_recommended: bool) -> str:
    if which is Which.LEAF:
        if chain.is_self_signed(chosen):
            return "it is self-signed, without an issuer, so each new one must be handed over again"
        return "you chose it; the next one must be handed over before the server uses it"
    if which is Which.ISSUER and not chain.is_self_signed(chosen):
        return (
            "it issued the server's certificate and outlives its renewal while the same authority issues it; "
            "where the authority changes its intermediates, as public ones do, give the root: --which root"
        )
    if is_recommended and which is Which.ROOT:
        return (
            "it is a root that this system trusts, whose authority may issue each renewal by another "
            "intermediate: the root outlives them all, while the server goes on sending its intermediates"
        )
    return "it outlives every renewal below it; the server must go on sending its intermediates"


def _write(certificate: x509.Certificate, out: Path) -> tuple[str, ...]:
    """Write both files, world-readable; a reader sees the old or the new one."""
    out.mkdir(parents=True, exist_ok=True)
    for name, encoding in ((DER_NAME, Encoding.DER), (PEM_NAME, Encoding.PEM)):
        write_private(out / name, certificate.public_bytes(encoding))
        (out / name).chmod(_PUBLIC)
    return tuple(str((out / name).absolute()) for name in (DER_NAME, PEM_NAME))
