"""Checks the certificates that a server sends as the cloud would: chain, trust, names, use, days, drift.

OpenSSL verifies the chain and the name, in a separate handshake that trusts what the cloud trusts; the
certificates that were sent explain its result. Their permitted uses are read from them, as by `validator cert
check`: Java refuses a key that may not sign, and OpenSSL does not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from validator.clock import iso_milliseconds
from validator.operations.certificates import chain
from validator.operations.certificates.judging import Severity, wrong_use
from validator.operations.certificates.lifetime import DEFAULT_MARGINS, first_to_end, in_words, left_of
from validator.operations.doctor.asking import printable
from validator.operations.doctor.results import Checked, Sound, problem, warning
from validator.operations.doctor.tls_client import Doubt, Endpoint, Shown, doubt
from validator.operations.doctor.trust import Trust

Path = Sequence[x509.Certificate]
_MAX_WORDS = 400  # characters of a message that contains a title from the server


def judge(
    target: Endpoint, shown: Shown, trust: Trust, handed_over: x509.Certificate | None, now: datetime
) -> Iterator[Checked]:
    """Yield the findings about the certificates that the server at *target* sends; raises OSError.

    *handed_over* is the certificate that the cloud's administrator has, if known. It is trusted where *trust*
    names no certificate and the server's chain leads to it.
    """
    try:
        sent = [_certificate(each) for each in shown.chain]
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension):
        sent = []
    if not sent:
        yield problem("chain", "no readable certificate is sent: get one from an authority")
        return
    path = chain.path_of(sent)
    drift = None
    if handed_over is not None and handed_over != trust.certificate:
        drift = _drift(target, handed_over)
    # The cloud trusts what was handed over; if the chain does not lead there, that is a finding below.
    if trust.certificate is None and isinstance(drift, Sound):
        trust = Trust(handed_over, "only the certificate that was handed over")
    ends = list(_ends(path, doubt(target, trust.anchor), trust))
    yield from ends
    yield _names(target, path[0])
    yield from _use(path, trust)
    yield _days(path, now)
    # A chain with a gap has been reported already.
    if drift is not None and isinstance(ends[0], Sound):
        yield drift


def _ends(path: Path, refused: Doubt | None, trust: Trust) -> Iterator[Checked]:
    """Yield whether the chain is complete, and whether the cloud trusts its end."""
    leaf, last = path[0], path[-1]
    whole = Sound("chain", f"sent is {', then '.join(map(_title, path))}")
    if refused is None:
        yield whole
        yield Sound("trust", f"a client that trusts {trust.words} accepts it")
    elif refused.is_issuer and last is leaf and not chain.is_self_signed(leaf) and trust.may_issue:
        yield problem(
            "chain",
            f"{_title(leaf)} is sent alone, without the certificate of its issuer {_issuer(leaf)}, and a "
            f"client that trusts {trust.words} does not know that one: append the intermediates to the "
            "server's file of certificates; if the issuer is a root itself, hand that root over",
        )
    else:
        yield whole
        yield problem("trust", f"a client that trusts {trust.words} refuses it: {_why(last, refused, trust)}")


def _why(last: x509.Certificate, refused: Doubt, trust: Trust) -> str:
    if not refused.is_issuer:
        return f"{refused.words}. Have a certificate issued that clients of today take"
    held = f", and what it trusts is {_title(trust.certificate)}" if trust.certificate else ""
    return (
        f"what is sent ends at {_title(last)}, issued by {_issuer(last)}{held}. Serve the certificate that "
        "was handed over (or one of the same authority, with every intermediate), or hand this one over"
    )


def _names(target: Endpoint, leaf: x509.Certificate) -> Checked:
    """Return whether the leaf is for the host's name, whether or not it is trusted."""
    refused = doubt(target, leaf.public_bytes(Encoding.DER), with_name=True)
    names = ", ".join(map(printable, chain.names_of(leaf)))
    if refused is None or not refused.is_name:
        return Sound("names", f"{_title(leaf)} is for {target.host}" + (f" ({names})" if names else ""))
    held = names or "no name (clients of today do not read the CN)"
    words = f"{_title(leaf)} is for {held}, not for {target.host}"
    return problem("names", f"{words}: serve one that names it (SAN), or register the URL with another name")


def _use(path: Path, trust: Trust) -> Iterator[Checked]:
    """Yield the findings about the certificates' permitted uses, or that there are none."""
    wrong = [replace(each, code="use", words=printable(each.words, _MAX_WORDS)) for each in wrong_use(path)]
    # Java accepts a trusted server's certificate whatever its permitted use; browsers may not.
    if path[0] == trust.certificate:
        wrong = [replace(each, severity=Severity.WARNING) for each in wrong]
    yield from wrong
    if not wrong:
        yield Sound("use", f"{_title(path[0])} is for a TLS server, and who issued it may issue")


def _days(path: Path, now: datetime) -> Checked:
    """Return how long every certificate of the path is valid."""
    early = [each for each in path if each.not_valid_before_utc > now]
    if early:
        begin = iso_milliseconds(early[0].not_valid_before_utc)
        return problem(
            "days", f"{_title(early[0])} is good from {begin} on only: put the clocks right, or wait"
        )
    first = first_to_end(path)
    if left_of(first, now) < timedelta(0):
        ended = iso_milliseconds(first.not_valid_after_utc)
        return problem(
            "days", f"{_title(first)} was good until {ended}: renew it, and let the server reload it"
        )
    # The first to end need not be the first within its margin, which is a share of each lifetime.
    near = [each for each in path if DEFAULT_MARGINS.is_problem(each, now)]
    if near:
        return problem("days", f"{_title(near[0])} is {_good(near[0], now)}: renew it now")
    near = [each for each in path if DEFAULT_MARGINS.is_warning(each, now)]
    if near:
        return warning("days", f"{_title(near[0])} is {_good(near[0], now)}: renew it soon")
    return Sound("days", _good(first, now))


def _good(certificate: x509.Certificate, now: datetime) -> str:
    until = iso_milliseconds(certificate.not_valid_after_utc)
    return f"good for {in_words(left_of(certificate, now))} more, until {until}"


def _drift(target: Endpoint, handed_over: x509.Certificate) -> Checked:
    """Return whether a client that trusts the handed-over certificate still accepts the served one."""
    refused = doubt(target, handed_over.public_bytes(Encoding.DER))
    title = f"{_title(handed_over)} (SHA-256 {chain.fingerprint_of(handed_over)})"
    if refused is None:
        return Sound("handed-over", f"{title} was handed over, and vouches for what is served")
    words = f"{title} was handed over, and does not vouch for what is served"
    return problem("handed-over", f"{words}: run `validator cert export` and hand that over first")


def _certificate(der: bytes) -> x509.Certificate:
    certificate = x509.load_der_x509_certificate(der)
    certificate.extensions, certificate.public_key()  # parsed lazily
    return certificate


def _title(certificate: x509.Certificate) -> str:
    return printable(chain.title_of(certificate))


def _issuer(certificate: x509.Certificate) -> str:
    return printable(certificate.issuer.rfc4514_string())
