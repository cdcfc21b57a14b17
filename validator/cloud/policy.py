"""How the cloud's API is asked; apart from who asks, for no server does, or loads what asking takes."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FabricPolicy:
    """Where the cloud's API is, who asks it, and how long one waits. Without `api_url` it is not used.

    The token is asked at `token_api_url`, without one at `api_url` too.
    """

    api_url: str
    app_key: str = field(repr=False)
    token_path: str
    agents_path: str
    ca_file: Path | None
    timeout: timedelta
    token_lifetime: timedelta
    token_api_url: str = ""
    app_secret: str | None = field(default=None, repr=False)
