"""The settings of the ready pages: which are served, where, and their parameters for the cloud."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

LOCALES = ("zh", "en", "ar", "es", "pt", "fr")
MAP_SERVICES = ("tencent", "google")
OFF, URL, WEB_API = "off", "url", "web_api"
POP_MODES = (OFF, URL, WEB_API)
# What a demonstration has beside the pages, in the order of the links to it.
DEMO_PLACES = ("status", "workbench", "tables", "keypad", "cobrowse", "centre")
# The cloud's own names of the parameters of a call; a tenant may choose other names for them.
CALL_PARAMETERS = (
    *("callerNum", "calledNum", "callid", "mediaType", "callType", "workNo"),
    *("callskill", "callskillid", "agentName"),
)
_SUPPORT_SCRIPT = "/service-cloud/resource.root/page/resource.root/js/AICCSupport.js"


@dataclass(frozen=True, slots=True)
class PortalPolicy:
    """Where the pages are; `context_path` goes before the cloud's `/service-cloud`, on the pages' own origin.

    `channel` and `tenant` are the cloud's ids, "" for none; `locale` and `map_service` are handed on. With
    `has_card` the agent's page has the card of the customer who calls; `card_call_out`: it can call back.
    With `has_verification` it shows how the verification of the call ended; with `reports_calls` it reports
    each ended call. With `softphone` there is a page about the agent's softphone. `single_agent` is what a
    second login of one agent means. `bar_script` and `bar_socket` are the URLs of another call centre's bar;
    without the script there is no page of it. Chat pages can be shared with an agent of `cobrowse_cloud`, the
    cloud's origin; "": they cannot. The first page links to `demo_links`, the URLs of what a demonstration
    has beside it, each with its name.
    """

    enabled: bool
    path: str
    context_path: str
    channel: str
    tenant: str
    locale: str
    map_service: str
    inline_styles: bool
    softphone: bool = False
    single_agent: str = OFF
    has_card: bool = False
    card_call_out: bool = False
    has_verification: bool = False
    reports_calls: bool = False
    bar_script: str = ""
    bar_socket: str = ""
    cobrowse_cloud: str = ""
    demo_links: tuple[tuple[str, str], ...] = ()

    @property
    def pages(self) -> tuple[str, ...]:
        """The names of the pages for people: those with the cloud's script, as many as there are ids for.

        A customer's tenant space is in the token; a guest's nobody but the settings can say.
        """
        is_served = {
            "agent": True,
            "softphone": self.softphone,
            "customer": bool(self.channel),
            "guest": bool(self.channel and self.tenant),
            "ctibar": bool(self.bar_script),
        }
        return tuple(name for name, is_so in is_served.items() if is_so)


@dataclass(frozen=True, slots=True)
class PopPolicy:
    """The page in the cloud's frame (a screen pop): how the cloud opens it, and who may frame it.

    `parameters` has the names that the tenant chose, by the cloud's own; without any these are used.
    `script_origin` is where the cloud's script is loaded from with the mode `WEB_API`.
    """

    mode: str = OFF
    cloud_origins: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    script_origin: str = ""

    @property
    def is_on(self) -> bool:
        """Whether the page is served."""
        return self.mode != OFF

    @property
    def names(self) -> Mapping[str, str]:
        """The names of the parameters that the page reads, by the cloud's own names."""
        return self.parameters or {name: name for name in CALL_PARAMETERS}

    @property
    def script(self) -> str:
        """The URL of the cloud's script; "" when the page does not run it."""
        return f"{self.script_origin}{_SUPPORT_SCRIPT}" if self.mode == WEB_API else ""
