"""The certificate that the cloud's administrator is given (`.cer`), and the record of what was given.

The cloud trusts what is uploaded and nothing else. The issuer's certificate outlives the renewal of the
server's; the server's own must be given anew each time. Public authorities issue each renewal by another of
their intermediates: only their root outlives that. A root is enough only while the server sends every
intermediate. Two files have the same one certificate: `server.cer` in DER to its last byte, and
`server-pem.cer` in PEM without a byte order mark; Java's keytool reads either.
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
    """The certificates of a chain that may be given."""

    RECOMMENDED = "recommended"
    LEAF = "leaf"
    ISSUER = "issuer"
    ROOT = "root"


@dataclass(frozen=True, slots=True)
class Handover:
    """What was given, and when.

    *names* are those of the server; *subject*, *issuer*, *expires_at* and *sha256* (of the DER, in
    hexadecimal) are of the certificate in the *files*, which *pem* is too.
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
        """The certificate that was given."""
        return x509.load_pem_x509_certificate(self.pem.encode("ascii"))


def export(
    chain_file: Path, which: Which, out: Path, clock: Clock, *, trusted: Sequence[x509.Certificate] = ()
) -> Handover:
    """Write the certificate for the cloud's administrator into the folder *out*; return what it is, and why.

    *trusted* are roots and the like, which the server need not send. Raises OperatorError for a file that
    also has a private key, a certificate that is not there, or one that has expired; else OSError.
    """
    held = read_chain(chain_file)
    if held.has_key:
        raise OperatorError(f"{chain_file}: has a private key in it: keep that in a file of its own, 0600")
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
    """Keep in *home* what was given, instead of what was given before; raises OSError."""
    write_private(home / RECORD, orjson.dumps(asdict(handover), option=orjson.OPT_INDENT_2) + b"\n")


def load_handover(home: Path) -> Handover | None:
    """Return what was given last, None when nothing was; raises OperatorError for a damaged record."""
    try:
        kept: dict[str, Any] = orjson.loads((home / RECORD).read_bytes())
        times = {name: datetime.fromisoformat(kept[name]) for name in ("expires_at", "at")}
        lists = {name: tuple(kept[name]) for name in ("names", "files")}
        handover = Handover(**{**kept, **times, **lists, "which": Which(kept["which"])})
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
    """Return the certificate that is *which* of *path*, with what is recommended named."""
    leaf, last = path[0], path[-1]
    if which is Which.RECOMMENDED:
        which = _recommended(path, trusted)
    if which is Which.LEAF:
        return which, leaf
    if chain.is_self_signed(leaf):
        raise OperatorError(f"{chain.title_of(leaf)} is self-signed, there is only itself: --which leaf")
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

    A public authority draws among several intermediates at each renewal, so that its root is given where that
    is one of *trusted*. Below a root that is in the file only, an enterprise's own, the issuer is given.
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
            return "it is self-signed: nothing else vouches for it, and each new one must be given again"
        return "it was asked for; the next one must be given before the server changes over to it"
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
    """Write both files, which are for everybody; a reader sees the old or the new."""
    out.mkdir(parents=True, exist_ok=True)
    for name, encoding in ((DER_NAME, Encoding.DER), (PEM_NAME, Encoding.PEM)):
        write_private(out / name, certificate.public_bytes(encoding))
        (out / name).chmod(_PUBLIC)
    return tuple(str((out / name).absolute()) for name in (DER_NAME, PEM_NAME))
