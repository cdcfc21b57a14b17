"""The settings of the ready pages: which are served, where, and their parameters for the cloud."""

from dataclasses import dataclass

LOCALES = ("zh", "en", "ar", "es", "pt", "fr")
MAP_SERVICES = ("tencent", "google")


@dataclass(frozen=True, slots=True)
class PortalPolicy:
    """Where the pages are; `context_path` goes before the cloud's `/service-cloud`, on the pages' own origin.

    `channel` and `tenant` are the cloud's ids, "" for none; `locale` and `map_service` are handed on. With
    `has_card` the agent's page has the card of the customer who calls; `card_call_out`: it can call back.
    """

    enabled: bool
    path: str
    context_path: str
    channel: str
    tenant: str
    locale: str
    map_service: str
    inline_styles: bool
    has_card: bool = False
    card_call_out: bool = False

    @property
    def pages(self) -> tuple[str, ...]:
        """The names of the pages that run the cloud's script: as many as there are ids for.

        A customer's tenant space is in the token; a guest's nobody but the settings can say.
        """
        is_served = {
            "agent": True,
            "customer": bool(self.channel),
            "guest": bool(self.channel and self.tenant),
        }
        return tuple(name for name, is_so in is_served.items() if is_so)
