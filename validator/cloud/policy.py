"""The settings of the cloud's API and of the stored agents.

The client of the API is a separate module: no server uses it or loads its dependencies.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path


@dataclass(frozen=True, slots=True)
class CloudPolicy:
    """The settings of `[cloud]`. Without `api_url` the API is not used.

    The token is requested at `token_api_url`, without one at `api_url` too. `max_removal` is in percent. With
    `access_key` and `secret_key` requests to `interfaces_url` are signed; without that URL there are none.
    """

    api_url: str
    app_key: str = field(repr=False)
    token_path: str
    agents_path: str
    ca_file: Path | None
    timeout: timedelta
    token_lifetime: timedelta
    keep_sip_passwords: bool
    max_removal: int
    token_api_url: str = ""
    app_secret: str | None = field(default=None, repr=False)
    interfaces_url: str = ""
    access_key: str = ""
    secret_key: str | None = field(default=None, repr=False)
