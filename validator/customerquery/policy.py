"""The settings of the route `queryCustomer`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from validator.networks import Network
from validator.routeguard import RouteAccess, RouteSecrets

HERE, THERE = "here", "there"
MASKS = (HERE, THERE)
LANGUAGES = ("zh", "en")


@dataclass(frozen=True, slots=True)
class QueryPolicy:
    """The path of each tenant space, how the cloud proves itself, and the form of an answer.

    With `mask` `HERE` this server masks values, else the cloud does and gets them whole. With `always_200`
    every response has HTTP status 200.
    """

    routes: Mapping[str, str]
    proof: str
    secrets: RouteSecrets = field(repr=False)
    networks: tuple[Network, ...]
    max_customers: int
    mask: str
    language: str
    client_certificate: bool
    always_200: bool

    @property
    def access(self) -> RouteAccess:
        """How the caller of a route proves itself, and from where it may come."""
        return RouteAccess(self.proof, self.secrets, self.networks, self.client_certificate)

    @property
    def problems(self) -> list[str]:
        """What is missing for serving the routes, in words without a secret; nothing while there are none."""
        if not self.routes:
            return []
        without, unknown = self.secrets.without(self.routes), self.secrets.unknown(self.routes)
        return [
            *(
                f"query_customer.secrets_file: has no secret of the tenant space {tenant}"
                for tenant in without
            ),
            *(f"query_customer.secrets_file: names {tenant}, which has no route" for tenant in unknown),
        ]
