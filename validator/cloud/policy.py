"""The settings of the cloud's API and of the stored agents.

The client of the API is a separate module: no server uses it or loads its dependencies.
"""

import ssl
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from validator.errors import OperatorError
from validator.tls import trusting


@dataclass(frozen=True, slots=True)
class CloudPolicy:
    """The settings of `[cloud]`. Without `api_url` the API is not used.

    The token is requested at `token_api_url`, without one at `api_url` too. `max_removal` is in percent. With
    `access_key` and `secret_key` requests to `interfaces_url` are signed; without that URL there are none.
    CC-FS reports a finished index to `records_callback_url`; `download_timeout` is for one of its files.
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
    records_callback_url: str = ""
    download_timeout: timedelta = timedelta(minutes=5)

    @property
    def problems(self) -> list[str]:
        """What is missing or swapped for requests to the cloud, in words without a secret."""
        found = []
        if self.api_url and self.app_secret is None:
            found.append("cloud.app_secret_file: is missing: cloud.api_url needs the secret of API Fabric")
        if self.interfaces_url and self.secret_key is None:
            found.append(
                "cloud.secret_key_file: is missing: cloud.interfaces_url needs the cloud's own secret key"
            )
        if self.app_key and self.app_key == self.access_key:
            found.append("cloud.access_key: is cloud.app_key, too: the cloud has two pairs of keys")
        if self.app_secret is not None and self.app_secret == self.secret_key:
            found.append("cloud.secret_key_file: has the secret of cloud.app_key: the cloud has two pairs")
        return found


def trusted_by(policy: CloudPolicy) -> ssl.SSLContext:
    """Return the TLS context that trusts the system's authorities, or only those of `ca_file`.

    Raises OperatorError when that file cannot be read.
    """
    try:
        return trusting(policy.ca_file)
    except OSError:
        raise OperatorError(
            f"cloud.ca_file: {policy.ca_file} cannot be read as certificates in PEM"
        ) from None
