"""The sections of the other call centre, and of the numbers that may be called through it."""

from collections.abc import Iterator, Mapping
from typing import Any

from validator.ctibar.policy import CallsPolicy, CtibarPolicy, check_prefix, parse_extensions
from validator.ctibar.wire import CALLS_PATH, SEEN_PATH, SESSION_PATH
from validator.numbers.reading import is_region
from validator.settings import fields, network, places
from validator.settings.section import Section
from validator.settings.surroundings import Surroundings
from validator.web.policy import IntegrationRoute


class CtibarSection(Section):
    """`[ctibar]`."""

    policy = CtibarPolicy
    url = network.HttpsOrigin(empty=True)
    script_url = network.TlsUrl("https", "/dist/ctibar.js", empty=True)
    ws_url = network.TlsUrl("wss", "/ws", empty=True)
    ca_file = places.HomePath()
    timeout = fields.Duration("500ms", "30s")

    def beside(self, values: Mapping[str, Any], around: Surroundings) -> dict[str, Any]:
        """Return the URL of the bar's connections, by default at the origin of the call centre."""
        return {"ws_url": bar_socket(values)}


def bar_socket(values: Mapping[str, Any]) -> str:
    """Return where bars connect by the checked *values* of `[ctibar]`; "" without another call centre."""
    origin: str = values["url"].replace("https://", "wss://", 1)
    return values["ws_url"] or (f"{origin}/ws" if origin else "")


class _Numbers(fields.Parsed):
    """A list of texts, read as what they stand for."""

    def resolve(self, value: Any, around: Surroundings) -> Any:
        """Return what the texts stand for."""
        return tuple(map(self.parse, value))


class CallsSection(Section):
    """`[calls]`."""

    policy = CallsPolicy
    allowed_prefixes = _Numbers(
        check_prefix,
        'a list of beginnings of numbers such as ["+852", "955"]: "+" and up to 15 digits, or 2 to 8 digits',
    )
    extensions = _Numbers(
        parse_extensions, 'a list of internal numbers such as ["1000-1999", "8001"], each of 2 to 6 digits'
    )


def centre_routes(sections: Mapping[str, Mapping[str, Any]]) -> tuple[IntegrationRoute, ...]:
    """Return the routes about the other call centre that the checked *sections* switch on."""
    paths = (SESSION_PATH, CALLS_PATH, SEEN_PATH) if sections["ctibar"]["url"] else ()
    return tuple(IntegrationRoute(path, page_limit="ctibar_address") for path in paths)


def broken_centre_rules(sections: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the key and the complaint of what the checked *sections* of the other call centre contradict."""
    centre = sections["ctibar"]
    for key in ("script_url", "ws_url", "ca_file"):
        if centre[key] and not centre["url"]:
            yield f"ctibar.{key}", "needs ctibar.url: without it there is no call centre"
    if centre["url"] and not is_region(sections["numbers"]["region"]):
        yield "numbers.region", "is not a country whose telephone numbers are known"
