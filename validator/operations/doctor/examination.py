"""Checks a server from outside as the cloud sees it, and reports what would not work.

1 DNS and the addresses. At each address: 2 TLS: its version, old versions refused · 3 the certificates
(`served_certificates`). At the first address with TLS: 4 both callbacks (`contract`) · 5 response times · 6
what must not be public (`exposure`) · 7 the routes of `queryCustomer` (`queries`) and of call records
(`records`). From this host: 8 the other call centre (`centre`). A step whose precondition fails ends the
examination, because the next ones would only repeat it.
"""

import re
import ssl
from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import datetime
from functools import partial
from ipaddress import ip_address

from validator.clock import Clock
from validator.errors import OperatorError
from validator.operations.doctor import (
    centre,
    contract,
    exposure,
    queries,
    records,
    served_certificates,
    timing,
)
from validator.operations.doctor.addresses import at_each, text_of
from validator.operations.doctor.asking import Stopwatch, ask, ask_plainly, ask_verified, in_words
from validator.operations.doctor.case import Case, addresses_of
from validator.operations.doctor.results import Checked, Sound, problem, warning
from validator.operations.doctor.tls_client import (
    OLD_VERSIONS,
    Address,
    Endpoint,
    context_for,
    look,
    reach,
    speaks,
)
from validator.origins import is_origin

_PATH = re.compile(r"/[!-~]*", re.ASCII)

Resolve = Callable[[str, int], list[Address]]


class Doctor:
    """Examines one case."""

    def __init__(
        self, case: Case, clock: Clock, stopwatch: Stopwatch, resolve: Resolve = addresses_of
    ) -> None:
        """Take *case*; raises OperatorError when its origin, a path or its client certificate is invalid."""
        if not is_origin(case.origin) or not case.origin.startswith("https://") or not _is_host(case.host):
            raise OperatorError('URL must be an origin such as "https://portal.example.com"')
        if not all(_PATH.fullmatch(callback.path) for callback in case.callbacks):
            raise OperatorError('a path of a callback begins with "/" and has no blank or control characters')
        self._case, self._clock, self._stopwatch, self._resolve = case, clock, stopwatch, resolve
        try:
            context_for(case.target(("", 0)))
        except OSError as error:
            raise OperatorError(f"the client certificate cannot be used: {in_words(error)}") from None

    def examine(self) -> Iterator[Checked]:
        """Yield the findings, in the order of the checks."""
        reached, now = (yield from self._reached()), self._clock.now()
        found = {target.address: list(self._looked_at(target, now)) for target in reached}
        yield from at_each(found)
        usable = [target for target in reached if _has_tls(found[target.address])]
        if usable:
            yield from self._answers(usable[0])
        if self._case.centre is not None:
            yield centre.examine(self._case.centre, self._clock)
        yield from (warning("credentials", words) for words in self._case.missing)

    def _reached(self) -> Generator[Checked, None, list[Endpoint]]:
        """Yield the findings about the name and its addresses; return the endpoints that can be reached."""
        target, connect = self._case.target(("", 0)), self._case.connect
        try:
            addresses = [connect] if connect else self._resolve(target.host, target.port)
        except OSError as error:
            yield problem("dns", f"{target.host} has no address ({in_words(error)}): enter it into DNS")
            return []
        yield _dns(self._case, addresses)
        unreached = {}
        for address in addresses:
            try:
                reach(self._case.target(address))
            except OSError as error:
                unreached[address] = f"{text_of(address)} is not reached: {in_words(error)}"
        yield _connection(addresses, list(unreached.values()))
        return [self._case.target(address) for address in addresses if address not in unreached]

    def _looked_at(self, target: Endpoint, now: datetime) -> Iterator[Checked]:
        """Yield the findings about TLS and the certificates at one address, first whether TLS works."""
        try:
            yield from self._shown(target, now)
        except OSError as error:
            yield problem(
                "tls", f"a connection ended too early ({in_words(error)}): see the proxy's error log"
            )

    def _shown(self, target: Endpoint, now: datetime) -> Iterator[Checked]:
        """Yield the findings about the TLS version and the certificates of *target*; raises OSError."""
        try:
            shown = look(target)
        except ssl.SSLError as error:
            yield _without_tls(target, in_words(error))
            return
        yield Sound("tls", f"{shown.version.replace('v', ' ')} is used")
        yield _old_versions(target)
        case = self._case
        yield from served_certificates.judge(target, shown, case.trust, case.handed_over, now)

    def _answers(self, target: Endpoint) -> Iterator[Checked]:
        """Yield the findings about the HTTP responses."""
        ask_it = partial(ask, target, stopwatch=self._stopwatch)
        for callback in self._case.callbacks:
            yield from contract.examine(callback, ask_it, cap=self._case.cap)
        yield from timing.measure(self._case.callbacks, ask_it)
        port = self._case.plain_port
        ask_plain = partial(ask_plainly, target.at(port), stopwatch=self._stopwatch)
        yield exposure.plain_http(ask_plain, self._case.callbacks[0].question(), port)
        yield from exposure.private_routes(ask_it, target.authority)
        if self._case.has_card:
            yield exposure.agents_card(ask_it)
        ask_safely = partial(ask_verified, target, anchor=self._case.anchor, stopwatch=self._stopwatch)
        yield from queries.examine(self._case.queries, ask_it, ask_safely, self._case.logs)
        yield from records.examine(self._case.pushes, ask_it, ask_safely, self._case.logs)


def _has_tls(found: Sequence[Checked]) -> bool:
    """Return whether TLS works throughout, by what was *found* at an address."""
    return isinstance(found[0], Sound) and all(each.code != "tls" for each in found[1:])


def _is_host(host: str) -> bool:
    """Return whether *host* is valid for DNS and TLS: no label is empty or too long."""
    try:
        return bool(host.encode("idna"))
    except UnicodeError:
        return False


def _dns(case: Case, addresses: list[Address]) -> Checked:
    host, shown = case.host, ", ".join(address for address, _ in addresses)
    if case.connect:
        return Sound("dns", f"not used: the address is given, {text_of(addresses[0])}")
    if not all(ip_address(address.partition("%")[0]).is_global for address, _ in addresses):
        words = f"{host} is at {shown}, which is not on the Internet"
        asking = (
            "; browsers ask agents before the cloud may frame the screen pop there" if case.is_framed else ""
        )
        return warning(
            "dns", f"{words}: the cloud needs a private route to it, or another DNS record{asking}"
        )
    return Sound("dns", f"{host} is at {shown}")


def _connection(addresses: list[Address], unreached: list[str]) -> Checked:
    if not unreached:
        return Sound("connection", f"{', '.join(map(text_of, addresses))} can be reached")
    words = f"{'; '.join(unreached)}: open the port in the firewall, or take the address out of DNS"
    return problem("connection", words) if len(unreached) == len(addresses) else warning("connection", words)


def _old_versions(target: Endpoint) -> Checked:
    spoken = {name: speaks(target, version) for name, version in OLD_VERSIONS.items()}
    old = [name for name, is_spoken in spoken.items() if is_spoken]
    if old:
        words = f"{' and '.join(old)}, broken versions, are still accepted"
        return problem("old-tls", f"{words}: allow TLS 1.2 and 1.3 only (nginx: ssl_protocols)")
    if None in spoken.values():
        return warning("old-tls", "this machine's OpenSSL has no old versions: run this on another machine")
    return Sound("old-tls", f"{' and '.join(spoken)} are refused")


def _without_tls(target: Endpoint, why: str) -> Checked:
    old = [name for name, version in OLD_VERSIONS.items() if speaks(target, version)]
    if old:
        words = f"only {' and '.join(old)} is accepted, and the cloud needs TLS 1.2 or 1.3"
        return problem("old-tls", f"{words}: allow those (nginx: ssl_protocols)")
    words = f"no connection over TLS 1.2 or 1.3 is possible ({why})"
    return problem("tls", f"{words}: check the port, the server's name, and the proxy's error log")
