"""The settings of customers."""

import base64
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.engine import make_url

from validator.customers.catalogue import Catalogue
from validator.customers.link import LinkTemplate

SOURCES = ("store", "sql", "http")
BEARER, BASIC = "bearer", "basic"
HTTP_AUTHS = (BEARER, BASIC)
_MAX_SECRET = 4096


@dataclass(frozen=True, slots=True)
class CustomersPolicy:
    """Where customers are looked up ("" is nowhere), their fields, and how long they are stored.

    With `card` agents see them; `card_link` leads into the CRM, `card_call_out` calls back by one click.
    The enterprise's own database is at `sql_url`; `sql_query` has the parameters `:number` (E.164) and
    `:tenant`. With `sql_insecure` PostgreSQL on another host may be reached without verified TLS.
    The CRM at `http_url` gets `http_secret` as a Bearer token, or as user and password of HTTP Basic; its
    certificate is of an authority in `http_ca_file`, or of the system's.
    """

    source: str
    catalogue: Catalogue
    keep: timedelta
    home: Path
    sql_url: str
    sql_query: str
    sql_insecure: bool
    sql_password: str | None = field(default=None, repr=False)
    http_url: str = ""
    http_auth: str = BEARER
    http_ca_file: Path | None = None
    http_secret: str | None = field(default=None, repr=False)
    card: bool = False
    card_link: LinkTemplate | None = None
    card_call_out: bool = True

    @property
    def problems(self) -> list[str]:
        """What is missing for using the CRM, in words without the secret; nothing for the other sources."""
        if self.source != "http":
            return []
        secret = self.http_secret
        if secret is None:
            return ['customers.http_secret_file: is missing; or use the credential "customers.http_secret"']
        if len(secret) > _MAX_SECRET or not secret.isprintable():
            return [f"customers.http_secret_file: is not one line of at most {_MAX_SECRET} characters"]
        if self.http_auth == BASIC and ":" not in secret:
            return ["customers.http_secret_file: is not USER:PASSWORD, as HTTP Basic needs it"]
        if self.http_auth == BEARER and (not secret.isascii() or " " in secret):
            return ["customers.http_secret_file: has characters that no Bearer token has"]
        return []

    @property
    def http_authorization(self) -> str:
        """The value of the header `Authorization` for the CRM; there must be no problem."""
        secret = self.http_secret or ""
        if self.http_auth == BASIC:
            return f"Basic {base64.b64encode(secret.encode()).decode()}"
        return f"Bearer {secret}"

    def sql_resolved(self) -> URL:
        """Return the URL to open: a relative SQLite file lies in the home, the password is filled in."""
        url = make_url(self.sql_url)
        if url.drivername == "sqlite":
            return url.set(database=str(self.home / str(url.database)))
        return url.set(password=self.sql_password) if self.sql_password else url
