"""The tables of a registration: each key, the type of its value, and its default."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from marshmallow import RAISE, Schema

from validator.origins import is_origin
from validator.settings import fields
from validator.settings.portal import CallParameters
from validator.sizes import MAX_CHANNEL, MAX_TENANT
from validator.webchat.wire import SIGNED_KEYS, LengthRule

MAX_TABLES = 5  # of a tenant
MAX_COLUMNS = {"index": 1, "ordinary": 30, "encrypted": 20}  # of a basic table, by their kind
ENCODINGS = ("utf-8-sig", "utf-8", "gb18030")
_TABLE = "[\u4e00-\u9fffA-Za-z0-9_]{1,64}"
POP_MODES = ("get", "post", "web_api")
OPENINGS = ("embedded", "standalone")
_MAX_APP_KEY = 64
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.ASCII)


def cloud_id(longest: int, allowed: str = "") -> fields.Pattern:
    """Return the field of an id of the cloud, of at most *longest* characters."""
    allowed = allowed or f"1 to {longest} of A-Z a-z 0-9 . _ @ -"
    return fields.Pattern(rf"[A-Za-z0-9._@-]{{1,{longest}}}", allowed)


def optional(setting: fields.Setting, default: Any) -> fields.Setting:
    """Return *setting* as optional, with *default* (a checked value, not text)."""
    setting.required, setting.load_default = False, default
    return setting


class CallbackUrl(fields.Setting):
    """The URL of one of the enterprise's callbacks."""

    allowed = 'an https URL with a path, such as "https://validator.example.com/rest/validate"'

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(r"[\x21-\x7e]{1,1024}", value):
            raise self.wrong(value)
        try:
            parts = urlsplit(value)
            is_place = parts.port != 0 and bool(parts.hostname)
        except ValueError:
            raise self.wrong(value) from None
        is_bare = not (parts.username or parts.password or parts.fragment)
        if parts.scheme != "https" or not is_place or not is_bare or parts.path in ("", "/"):
            raise self.wrong(value)
        return value


class Names(fields.StringList):
    """Host names in lower case."""

    allowed = 'a list of host names in lower case, such as ["cloud.example"]'

    def is_allowed(self, word: str) -> bool:
        """Return whether *word* is a host name."""
        return _NAME.fullmatch(word) is not None


class Origins(fields.StringList):
    """Origins of pages that the operations have allowed."""

    allowed = 'a list of origins such as ["https://portal.example.com"]'

    def is_allowed(self, word: str) -> bool:
        """Return whether *word* is an origin over TLS."""
        return word.startswith("https://") and is_origin(word)


class KeyOrder(fields.Names):
    """An order of the four signed keys."""

    def __init__(self) -> None:
        super().__init__(SIGNED_KEYS)
        self.allowed = f"a list of {', '.join(SIGNED_KEYS)}, each once"

    def _deserialize(self, value: Any, *rest: Any, **named: Any) -> tuple[str, ...]:
        order = super()._deserialize(value, *rest, **named)
        if sorted(order) != sorted(SIGNED_KEYS):
            raise self.wrong(value)
        return order


class Table(Schema):
    """One table; unknown keys are errors."""

    class Meta:
        """Marshmallow's options."""

        unknown = RAISE


class EnterpriseTable(Table):
    """`[enterprise]`."""

    agent_url = CallbackUrl()
    chat_url = CallbackUrl()
    certificate = fields.Line(empty=False)
    give_up_after = optional(fields.Duration("100ms", "1m"), fields.parse_duration("5s"))


class CloudTable(Table):
    """`[cloud]`."""

    names = optional(Names(), ())
    cookie_domain = optional(fields.Line(), "")
    skew = optional(fields.Duration("1s", "1d"), fields.parse_duration("5m"))
    pop_origins = optional(Origins(), ())


class TenantTable(Table):
    """`[[tenants]]`."""

    id = cloud_id(MAX_TENANT)


class AgentTable(Table):
    """`[[agents]]`."""

    tenant = cloud_id(MAX_TENANT, "the id of a tenant")
    account = fields.Line(empty=False)
    work_no = fields.Integer(1, 999_999_999)
    sip_account = optional(fields.Line(), "")


class ChannelTable(Table):
    """`[[channels]]`."""

    id = cloud_id(MAX_CHANNEL)
    tenant = cloud_id(MAX_TENANT, "the id of a tenant")
    secret_key_file = fields.Line(empty=False)
    key_order = optional(KeyOrder(), SIGNED_KEYS)
    length_rule = optional(fields.Choice(rule.value for rule in LengthRule), LengthRule.BYTES.value)


class PageUrl(CallbackUrl):
    """The URL of a page that the cloud opens for a call."""

    allowed = 'an https URL with a path, such as "https://portal.example.com/portal/pop"'


class PopTable(Table):
    """`[[pops]]`."""

    url = PageUrl()
    mode = optional(fields.Choice(POP_MODES), POP_MODES[0])
    opening = optional(fields.Choice(OPENINGS), OPENINGS[0])
    parameters = optional(CallParameters(), ())


class AppTable(Table):
    """`[[apps]]`."""

    key = cloud_id(_MAX_APP_KEY)
    tenant = cloud_id(MAX_TENANT, "the id of a tenant")
    secret_file = fields.Line(empty=False)


class InterfaceTable(Table):
    """`[[interfaces]]`: the pairs of keys for CC-CMS and CC-FS."""

    access_key = cloud_id(_MAX_APP_KEY)
    tenant = cloud_id(MAX_TENANT, "the id of a tenant")
    secret_key_file = fields.Line(empty=False)


class FlowTable(Table):
    """`[[flows]]`: IVR flows that have callers verified."""

    code = fields.Pattern("[A-Za-z0-9_]{1,64}", "a code of A-Z a-z 0-9 _, 1 to 64 characters")
    tenant = cloud_id(MAX_TENANT, "the id of a tenant")
    url = CallbackUrl()
    user = fields.Line(empty=False)
    secret_file = fields.Line(empty=False)
    customer_field = optional(fields.Pattern("[A-Za-z0-9_]{0,64}", '"" or a name of A-Z a-z 0-9 _'), "")


class BasicTable(Table):
    """`[[tables]]`: the basic tables of customers."""

    tenant = cloud_id(MAX_TENANT, "the id of a tenant")
    name = fields.Pattern(_TABLE, "1 to 64 of Chinese characters, A-Z a-z 0-9 _")
    encoding = optional(fields.Choice(ENCODINGS), ENCODINGS[0])


class ColumnTable(Table):
    """`[[columns]]` of the basic tables."""

    table = fields.Line(empty=False)
    name = fields.Line(empty=False)
    kind = optional(fields.Choice(MAX_COLUMNS), "ordinary")
    type = optional(fields.Choice(("string", "number", "date", "time", "dictionary")), "string")
    length = optional(fields.Integer(1, 256), 256)
    items = optional(fields.StringList(), ())
    required = optional(fields.Boolean(), False)


def broken_columns(tables: list[dict[str, Any]], columns: list[dict[str, Any]]) -> Iterator[str]:
    """Yield what the cloud would not let its administrator enter."""
    named = {row["name"] for row in tables}
    strangers = {row["table"] for row in columns} - named
    yield from (f"[[columns]]: table {one} is not among [[tables]]" for one in sorted(strangers))
    tenants = Counter(row["tenant"] for row in tables)
    yield from (
        f"[[tables]]: {one} has more than {MAX_TABLES}" for one in tenants if tenants[one] > MAX_TABLES
    )
    for table in sorted(named):
        own = [row for row in columns if row["table"] == table]
        names, kinds = Counter(row["name"] for row in own), Counter(row["kind"] for row in own)
        yield from (f"[[columns]]: {table} has {one} twice" for one in names if names[one] > 1)
        yield from (
            f"[[columns]]: {table} has more than {most} of the kind {kind}"
            for kind, most in MAX_COLUMNS.items()
            if kinds[kind] > most
        )
        if not own:
            yield f"[[columns]]: {table} has none"


TABLES: dict[str, Table] = {"enterprise": EnterpriseTable(), "cloud": CloudTable()}
LISTS: dict[str, Table] = {
    "tenants": TenantTable(),
    "agents": AgentTable(),
    "channels": ChannelTable(),
    "apps": AppTable(),
    "tables": BasicTable(),
    "columns": ColumnTable(),
    "pops": PopTable(),
    "flows": FlowTable(),
    "interfaces": InterfaceTable(),
}
