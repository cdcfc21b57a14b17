"""The settings of call records."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from validator.networks import Network
from validator.routeguard import RouteAccess, RouteSecrets

CTIBAR = "ctibar"  # another call centre, whose agents have `ctibar.js`
AICC = "aicc"  # double calls of the cloud
BAR = "bar"  # calls of the cloud's own bar, as its agents report them
MAX_BODY = 16_384  # bytes of a pushed record; more gets 413
MAX_CALL = 128  # characters of a call's id


def route_name(tenant: str, source: str) -> str:
    """Return the name of the route for the records of *source* about *tenant*."""
    return f"{tenant}/{source}"


@dataclass(frozen=True, slots=True)
class RecordRoute:
    """The path at which one system pushes records in its *source*'s format for a tenant space."""

    tenant: str
    source: str
    path: str

    @property
    def name(self) -> str:
        """The name of the route in the file of secrets, and the user of HTTP Basic."""
        return route_name(self.tenant, self.source)


@dataclass(frozen=True, slots=True)
class CallRecordsPolicy:
    """Where records are pushed, how the senders prove themselves, and how long records are stored.

    `routes` are by their names. `zone` is the IANA name of the time zone of times without one. Of what
    cannot be read, at most `quarantine_records` bodies of `quarantine_bytes` together are stored for each
    tenant space and source. `recording_origin` is that of the links to recordings; "": no links. With `bar`
    agents report the calls of the cloud's own bar, which needs no route and no secret.
    """

    routes: Mapping[str, RecordRoute]
    proof: str
    secrets: RouteSecrets = field(repr=False)
    networks: tuple[Network, ...]
    zone: str
    keep: timedelta
    quarantine_records: int
    quarantine_bytes: int
    recording_origin: str
    bar: bool = False

    @property
    def access(self) -> RouteAccess:
        """How the sender proves itself, and from where it may push."""
        return RouteAccess(self.proof, self.secrets, self.networks)

    @property
    def problems(self) -> list[str]:
        """What is missing for serving the routes, in words without a secret; nothing while there are none."""
        if not self.routes:
            return []
        without, unknown = self.secrets.without(self.routes), self.secrets.unknown(self.routes)
        return [
            *(f"callrecords.secrets_file: has no secret of the route {name}" for name in without),
            *(f"callrecords.secrets_file: names {name}, which is no route" for name in unknown),
        ]
