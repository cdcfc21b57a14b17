"""What the door is rendered from: names, addresses, certificates and files of the reverse proxy."""

from dataclasses import dataclass
from pathlib import Path

from validator.networks import Network
from validator.origins import HTTPS_PORT, host_of
from validator.web.policy import IntegrationRoute


@dataclass(frozen=True, slots=True)
class ProxyPolicy:
    """The settings of `[proxy]`; config/default.toml says what each is for. Sizes are in bytes.

    `portal_path` is where the application's ready pages are, "" when they are off.
    """

    origin: str
    listen: tuple[str, ...]
    listen_plain: tuple[str, ...]
    certificate: Path | None
    certificate_key: Path | None
    callbacks_origin: str
    callbacks_certificate: Path | None
    callbacks_certificate_key: Path | None
    client_ca: Path | None
    prefix: str
    cross_origins: tuple[str, ...]
    cloud_host: str
    cloud_port: int
    cloud_address: str
    cloud_ca: Path
    cloud_cookies: tuple[str, ...]
    cookie_path: str
    cloud_max_body: int
    resolver: tuple[str, ...]
    load_balancers: tuple[Network, ...]
    callbacks_upstream: tuple[str, ...]
    people_upstream: tuple[str, ...]
    integrations_upstream: tuple[str, ...]
    connections: int
    callbacks_connections: int
    document_root: Path | None
    portal_path: str
    acme_root: Path | None
    log_folder: str
    worker_user: str
    nginx_version: str
    post_quantum: bool
    hsts_subdomains: bool
    integrations: tuple[IntegrationRoute, ...] = ()
    has_pop: bool = False
    has_softphone: bool = False

    @property
    def cloud_routes(self) -> tuple[IntegrationRoute, ...]:
        """The routes of the role `integrations` that the cloud uses."""
        return tuple(route for route in self.integrations if not route.page_limit)

    @property
    def page_routes(self) -> tuple[IntegrationRoute, ...]:
        """The routes of the role `integrations` that pages use: they are on the portal's server only."""
        return tuple(route for route in self.integrations if route.page_limit)

    @property
    def name(self) -> str:
        """The portal's name."""
        return host_of(self.origin)

    @property
    def callbacks_name(self) -> str:
        """The name of the callbacks' own server; "" when they are on the portal's."""
        return host_of(self.callbacks_origin)

    @property
    def cloud_authority(self) -> str:
        """The cloud as its own virtual host knows it: the port only where it is not HTTPS's."""
        return self.cloud_host if self.cloud_port == HTTPS_PORT else f"{self.cloud_host}:{self.cloud_port}"
