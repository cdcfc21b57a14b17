"""Checks the certificates that a server sends: would clients accept them, and for how long.

The cloud is a Java client: it needs every intermediate, and current keys and hashes. It looks for the name in
the subject alternative names; without any it reads the CN, which other current clients do not. `check` looks
at, in this order: the file, the order of the chain and its end, whether it leads to the certificate that was
handed over, the times, the names, the permitted uses, the strength, the key.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from validator.clock import Clock, iso_milliseconds
from validator.networks import is_address
from validator.operations.certificates import chain
from validator.operations.certificates.lifetime import DEFAULT_MARGINS, Margins, in_words, left_of
from validator.operations.certificates.pem import FORBIDDEN, ChainFile, UnreadableError, read_chain, read_key

_MIN_RSA = 2048
_MIN_CURVE = 256


class Severity(StrEnum):
    """A problem stops clients now or soon; a warning needs attention, but not at once."""

    PROBLEM = "problem"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding: a short code, its severity, and words about what is wrong and what to do."""

    code: str
    severity: Severity
    words: str


def check(
    chain_file: Path,
    key_file: Path | None,
    names: Iterable[str],
    clock: Clock,
    *,
    trusted: Sequence[x509.Certificate] = (),
    handed_over: x509.Certificate | None = None,
    margins: Margins = DEFAULT_MARGINS,
) -> tuple[Finding, ...]:
    """Return the findings about the chain in *chain_file*, which a server for *names* sends.

    The chain may end below one of *trusted* without sending it. It should lead to *handed_over*, which the
    cloud's administrator has. Without a *key_file* the key is not checked. A file that cannot be read is a
    finding, not an exception.
    """
    try:
        held = read_chain(chain_file)
    except UnreadableError as error:
        return (_problem(error.code, error.words),)
    path = chain.path_of(held.certificates)
    gap = tuple(_of_end(path, (*trusted, handed_over) if handed_over else trusted))
    return (
        *_of_file(held, path),
        # For a chain with a gap this would be reported twice.
        *(gap or _of_handover(path, handed_over)),
        *(finding for each in path for finding in _of_times(each, clock, margins)),
        *_of_names(path[0], names),
        *wrong_use(path),
        *(finding for each in path for finding in _of_strength(each)),
        *(_of_key(key_file, path[0]) if key_file else ()),
    )


def wrong_use(path: Sequence[x509.Certificate]) -> Iterator[Finding]:
    """Yield the findings about the permitted uses of each certificate of *path*, the server's first."""
    leaf, *issuers = path
    title = chain.title_of(leaf)
    if chain.is_authority(leaf):
        words = f"{title} is an authority's certificate, used as a server's: request a server's (CA:FALSE)"
        # The cloud accepts a self-signed one if it is handed over, but its key may then issue for any name.
        yield (_warning if chain.is_self_signed(leaf) else _problem)("authority-as-server", words)
    if not chain.is_for_servers(leaf):
        words = "is not meant for a TLS server: request one with digitalSignature and serverAuth"
        yield _problem("not-for-servers", f"{title} {words}")
    for each in issuers:
        if not chain.may_issue(each):
            words = "issued another certificate and is no authority (CA:TRUE, keyCertSign): make it one"
            yield _problem("issuer-no-authority", f"{chain.title_of(each)} {words}")


def _of_file(held: ChainFile, path: Sequence[x509.Certificate]) -> Iterator[Finding]:
    if held.has_key:
        words = f"{held.path}: has a private key in it, and certificates are handed to others: "
        yield _problem("key-in-certificate", words + "move the key to a separate file, 0600")
    belonging = [each for each in dict.fromkeys(held.certificates) if each in path]
    if belonging != list(path):
        order = "; ".join(map(chain.title_of, path))
        yield _problem(
            "wrong-order", f"{held.path}: the order is wrong: each is followed by its issuer: {order}"
        )
    if len(held.certificates) > len(path):
        others = [chain.title_of(each) for each in held.certificates if each not in path]
        what = f"not of this chain: {'; '.join(others)}" if others else "there twice"
        yield _warning("stray", f"{held.path}: has certificates that are {what}: take them out")


def _of_end(path: Sequence[x509.Certificate], trusted: Sequence[x509.Certificate]) -> Iterator[Finding]:
    last = path[-1]
    if chain.is_self_signed(last) or any(each in trusted for each in path) or chain.issuer_of(last, trusted):
        return
    ends = f"the chain ends at {chain.title_of(last)}, issued by {last.issuer.rfc4514_string()}"
    words = "which is neither in the file nor trusted here: append that one's certificate, then its issuer's"
    yield _problem("missing-intermediate", f"{ends}, {words} (authorities call the whole a full chain)")


def _of_handover(path: Sequence[x509.Certificate], handed_over: x509.Certificate | None) -> Iterator[Finding]:
    # A client may end its path at a trusted issuer of any certificate, whatever is sent above it.
    if not handed_over or any(each == handed_over or chain.is_issued_by(each, handed_over) for each in path):
        return
    words = f"the chain ({'; '.join(map(chain.title_of, path))}) does not lead to what was handed over, "
    words += f"{chain.title_of(handed_over)} (SHA-256 {chain.fingerprint_of(handed_over)}): "
    yield _warning("not-handed-over", words + "run `validator cert export` and hand that over first")


def _of_times(certificate: x509.Certificate, clock: Clock, margins: Margins) -> Iterator[Finding]:
    title, end, now = chain.title_of(certificate), certificate.not_valid_after_utc, clock.now()
    begin, left = certificate.not_valid_before_utc, left_of(certificate, now)
    words = f"{title} ends at {iso_milliseconds(end)}, in {in_words(left)}: renew it"
    if begin > now:
        wait = "wait, or put this machine's clock right"
        yield _problem("not-yet-valid", f"{title} begins at {iso_milliseconds(begin)}: {wait}")
    if left < timedelta(0):
        yield _problem("expired", f"{title} has ended at {iso_milliseconds(end)}: renew it")
    elif margins.is_problem(certificate, now):
        yield _problem("near-expiry", words)
    elif margins.is_warning(certificate, now):
        yield _warning("near-expiry", words)


def _of_names(leaf: x509.Certificate, names: Iterable[str]) -> Iterator[Finding]:
    held = chain.names_of(leaf)
    for name in names:
        if chain.is_for(leaf, name):
            continue
        if is_address(name):
            words = (
                f"has not the address {name} among its names: request one with IP:{name}, or use a host name"
            )
            yield _problem("address-not-named", f"{chain.title_of(leaf)} {words}")
        elif not held and name.lower() in map(str.lower, chain.common_names_of(leaf)):
            words = f"has {name} as its CN only, which clients of today do not read: "
            words += f"request one with DNS:{name} (SAN)"
            yield _problem("name-in-cn-only", f"{chain.title_of(leaf)} {words}")
        else:
            words = (
                f"is for {', '.join(held) or 'no name'}: request one with DNS:{name}, or correct the setting"
            )
            yield _problem("wrong-name", f"{name}: {chain.title_of(leaf)} {words}")


def _of_strength(certificate: x509.Certificate) -> Iterator[Finding]:
    title, key = chain.title_of(certificate), certificate.public_key()
    strong = "make a new key (RSA 2048 or more, or P-256) and request a certificate for it"
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _MIN_RSA:
        yield _problem("weak-key", f"{title} has an RSA key of {key.key_size} bits: {strong}")
    elif isinstance(key, ec.EllipticCurvePublicKey) and key.key_size < _MIN_CURVE:
        yield _problem("weak-key", f"{title} has a key on the curve {key.curve.name}: {strong}")
    elif not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        yield _warning("unusual-key", f"{title} has a key that older clients do not know: {strong}")
    used = chain.hash_of(certificate)
    if used in chain.WEAK_HASHES and certificate.issuer != certificate.subject:
        yield _problem(
            "weak-signature", f"{title} is signed with {used}, which is broken: have it issued anew"
        )


def _of_key(key_file: Path, leaf: x509.Certificate) -> Iterator[Finding]:
    try:
        key = read_key(key_file)
        mode = key_file.stat().st_mode & 0o777
    except UnreadableError as error:
        if error.code == FORBIDDEN:  # as it should be for everybody but root
            yield _warning(
                "key-unread", f"{key_file}: was not compared with the certificate: only root may read it"
            )
        else:
            yield _problem(error.code, error.words)
        return
    if key.public_key() != leaf.public_key():
        words = f"is not the key of {chain.title_of(leaf)}: name the key it was requested with"
        yield _problem("key-mismatch", f"{key_file}: {words}")
    if mode & 0o037:
        yield _problem("key-open", f"{key_file}: is open to other users ({mode:04o}): chmod 0600 {key_file}")
    elif mode & 0o040:
        yield _warning("key-open", f"{key_file}: is open to its group ({mode:04o}): chmod 0600 {key_file}")


def _problem(code: str, words: str) -> Finding:
    return Finding(code, Severity.PROBLEM, words)


def _warning(code: str, words: str) -> Finding:
    return Finding(code, Severity.WARNING, words)
