"""The sections of the ready pages, and of the page in the cloud's frame."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from marshmallow import ValidationError

from validator.origins import authority
from validator.settings import fields, network, places
from validator.settings.ctibar import bar_socket
from validator.settings.section import Section
from validator.settings.surroundings import Surroundings
from validator.sizes import MAX_CHANNEL, MAX_TENANT
from validator.web.portal.policy import (
    CALL_PARAMETERS,
    DEMO_PLACES,
    LOCALES,
    MAP_SERVICES,
    OFF,
    POP_MODES,
    PopPolicy,
    PortalPolicy,
)

_CHOSEN = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)


def cloud_id(longest: int) -> fields.Pattern:
    """Return the field of an id of the cloud, of at most *longest* characters, or none."""
    allowed = f'"" or an id of the cloud: 1 to {longest} of A-Z a-z 0-9 . _ -'
    return fields.Pattern(rf"[A-Za-z0-9._-]{{0,{longest}}}", allowed)


class DemoLinks(fields.StringList):
    """A list of what a demonstration has beside the pages, each with its URL."""

    allowed = (
        'a list such as ["status=https://localhost:9443/status"]: one of '
        f"{', '.join(DEMO_PLACES)}, then a URL over TLS, without a user and query"
    )
    _url = network.TlsUrl("https", "/status")

    def is_allowed(self, word: str) -> bool:
        """Return whether *word* is a name and a URL over TLS."""
        name, _, url = word.partition("=")
        try:
            self._url.deserialize(url)
        except ValidationError:
            return False
        return name in DEMO_PLACES

    def resolve(self, value: Any, around: Surroundings) -> tuple[tuple[str, str], ...]:
        """Return the URLs with their names, in the order of `DEMO_PLACES`; of one name the last."""
        urls = dict(word.split("=", 1) for word in value)
        return tuple((name, urls[name]) for name in DEMO_PLACES if name in urls)


class PortalSection(Section):
    """`[portal]`."""

    policy = PortalPolicy
    not_in_policy = ("cobrowse",)
    enabled = fields.Boolean()
    path = places.UrlPath()
    context_path = places.UrlPath(empty=True)
    channel = cloud_id(MAX_CHANNEL)
    tenant = cloud_id(MAX_TENANT)
    locale = fields.Choice(LOCALES)
    map_service = fields.Choice(MAP_SERVICES)
    inline_styles = fields.Boolean()
    softphone = fields.Boolean()
    cobrowse = fields.Boolean()
    demo_links = DemoLinks()

    def beside(self, values: Mapping[str, Any], around: Surroundings) -> dict[str, Any]:
        """Return what the agent's page shows of the caller, and the cloud that chat pages are shared with."""
        customers, proxy = around.sections["customers"], around.sections["proxy"]
        cloud = authority(proxy["cloud_host"], proxy["cloud_port"], "https")
        has_card = customers["card"]
        return {
            "has_card": has_card,
            "card_call_out": has_card and customers["card_call_out"],
            "has_verification": bool(around.sections["verification"]["routes"]),
            "reports_calls": around.sections["callrecords"]["bar"],
            "single_agent": around.sections["tokens"]["single_agent"],
            "bar_script": around.sections["ctibar"]["script_url"],
            "bar_socket": bar_socket(around.sections["ctibar"]),
            "cobrowse_cloud": f"https://{cloud}" if values["cobrowse"] else "",
        }


class CallParameters(fields.StringList):
    """A list of the cloud's names of parameters, each with the name that the tenant chose."""

    allowed = (
        'a list such as ["callerNum=caller"], each name once: one of the cloud\'s names '
        f"({', '.join(CALL_PARAMETERS)}), then yours of A-Z a-z 0-9 _ . -"
    )

    def is_allowed(self, word: str) -> bool:
        """Return whether *word* is a name of the cloud and a chosen one."""
        name, _, chosen = word.partition("=")
        return name in CALL_PARAMETERS and bool(_CHOSEN.fullmatch(chosen)) and chosen != "origin"

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        words = super()._deserialize(value)
        names, chosen = ({word.split("=", 1)[part] for word in words} for part in (0, 1))
        if not len(names) == len(chosen) == len(words):
            raise self.wrong(value)
        return words


class PopSection(Section):
    """`[pop]`."""

    policy = PopPolicy
    not_in_policy = ("parameters", "script_origin")
    mode = fields.Choice(POP_MODES)
    cloud_origins = network.HttpsOrigins()
    parameters = CallParameters()
    script_origin = network.HttpsOrigin(empty=True)

    def beside(self, values: Mapping[str, Any], around: Surroundings) -> dict[str, Any]:
        """Return the chosen names by the cloud's, and the first of the origins for the script by default."""
        chosen = dict(word.split("=", 1) for word in values["parameters"])
        first = next(iter(values["cloud_origins"]), "")
        return {
            "parameters": MappingProxyType(chosen),
            "script_origin": values["script_origin"] or first,
        }


def has_softphone(sections: Mapping[str, Mapping[str, Any]]) -> bool:
    """Return whether the page of an agent's own softphone is switched on in the checked *sections*."""
    return bool(sections["portal"]["enabled"] and sections["portal"]["softphone"])


def has_pop(sections: Mapping[str, Mapping[str, Any]]) -> bool:
    """Return whether the page in the cloud's frame is switched on in the checked *sections*."""
    return str(sections["pop"]["mode"]) != OFF


def broken_page_rules(sections: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the key and the complaint of what the checked *sections* of pages contradict."""
    pop, portal = sections["pop"], sections["portal"]
    if portal["cobrowse"] and not sections["proxy"]["cloud_host"]:
        yield (
            "portal.cobrowse",
            "needs proxy.cloud_host: the question before a page is shared names the cloud",
        )
    if pop["mode"] == OFF:
        return
    if not pop["cloud_origins"]:
        yield "pop.cloud_origins", "is empty, so that no page of the cloud could frame the screen pop"
    if not portal["enabled"]:
        yield "pop.mode", "needs portal.enabled = true: the page and its login are below portal.path"
    if not sections["customers"]["card"]:
        yield "pop.mode", "needs customers.card = true: the page shows that card"
