"""Match patterns of browser extensions: which pages an extension may share, and which of them are private.

A pattern is `https://HOST/PATH`, where `*.` may begin the host and `*` in the path stands for anything
(WebExtensions, "Match patterns"). Narrower than the browsers': TLS only, no port, and none for every host.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from validator.errors import OperatorError

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*"
_PATTERN = re.compile(
    rf"https://(?P<host>{_HOST}|\*\.{_LABEL}\.{_HOST})(?P<path>/(?:[A-Za-z0-9._~!$&'()+,;=:@*/-]|%[0-9A-Fa-f]{{2}})*)",
    re.ASCII,
)
MAX_PATTERN = 512
_FORM = (
    'a pattern such as "https://shop.example.com/help/*" or "https://*.example.com/*": https, a host in '
    "lower case without a port, and a path; the part of the host behind *. has a dot"
)


@dataclass(frozen=True, slots=True)
class Places:
    """The patterns of the *sites* whose pages may be shared, and of the *private* pages among them."""

    sites: tuple[str, ...]
    private: tuple[str, ...]


def read_places(sites: Sequence[str], private: Sequence[str], cloud: str) -> Places:
    """Return the checked patterns, sorted, each once; *cloud* is the cloud's origin.

    Raises OperatorError that lists every problem: a malformed pattern, a site with the cloud's own pages, a
    private page of no site.
    """
    problems = [f"{text}: is not {_FORM}" for text in (*sites, *private) if not _is_pattern(text)]
    if problems:
        raise OperatorError(*problems)
    host = urlsplit(cloud).hostname or ""
    problems += [f"{text}: has the cloud's own pages" for text in sites if _covers(_host(text), host)]
    problems += [f"{text}: is on no site" for text in private if not _is_on_any(text, sites)]
    if problems:
        raise OperatorError(*problems)
    return Places(tuple(sorted(set(sites))), tuple(sorted(set(private))))


def with_query(pattern: str) -> tuple[str, ...]:
    """Return *pattern* as browsers need it to match an address with a query too, such as a share link.

    They compare a pattern with path and query together: a pattern for `/login` alone would not match
    `/login?cobrowse_share_url=…`.
    """
    return (pattern,) if pattern.endswith("*") else (pattern, f"{pattern}?*")


def _is_pattern(text: str) -> bool:
    return len(text) <= MAX_PATTERN and _PATTERN.fullmatch(text) is not None


def _is_on_any(private: str, sites: Sequence[str]) -> bool:
    here = _host(private)
    return any(_covers(_host(site), here) or _covers(here, _host(site)) for site in sites)


def _covers(wanted: str, host: str) -> bool:
    """Return whether the host *wanted* of a pattern is that of *host*, a host or that of another pattern."""
    if not wanted.startswith("*."):
        return wanted == host
    return host == wanted[2:] or host.endswith(wanted[1:])


def _host(pattern: str) -> str:
    return pattern.split("/")[2]
