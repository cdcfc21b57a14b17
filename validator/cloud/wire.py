"""The fields of the cloud's API Fabric: its responses to the requests for a token and for the agents.

They are read tolerantly: unknown fields are ignored, null and "" count as missing, and numbers and texts may
be written as each other. Only `agents` and each agent's `workNo` are required. An unreadable entry is left
out and reported: the others are valid, but the list is incomplete, so that no agent may be removed by it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from marshmallow import fields, pre_load, validate

from validator.errors import Reason, Refusal
from validator.sizes import MAX_SIP_ACCOUNT, MAX_USER_ACCOUNT, MAX_WORK_NO
from validator.untrusted import Name, Text, TolerantSchema, load, read_object

MAX_TOKEN = 8192
_MAX_SIP_PASSWORD = 255
_IN_A_HEADER = validate.Regexp(r"[!-~]+\Z", error="has characters that are invalid in a header")


@dataclass(frozen=True, slots=True)
class AccessToken:
    """The cloud's token for its API, and its lifetime in seconds, None if the cloud sends none."""

    text: str = field(repr=False)
    lifetime: int | None


@dataclass(frozen=True, slots=True)
class ListedAgent:
    """An agent of the cloud's list: `accountCode`, `workNo`, `sipAccount`, `sipPwd`."""

    account_code: str
    work_no: str
    sip_account: str | None = None
    sip_password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class AgentList:
    """The cloud's list: its agents by account code, the number without a code, and its SIP service.

    `unreadable` describes the entries that were left out; the list is complete if it is empty.
    """

    agents: tuple[ListedAgent, ...]
    left_out: int = 0
    unreadable: tuple[str, ...] = ()
    sip_service_ip: str | None = None
    sip_service_port: int | None = None

    @property
    def sip_service(self) -> str | None:
        """Where softphones register, as `HOST:PORT`, or `HOST` without a port; None when it is not listed."""
        host, port = self.sip_service_ip, self.sip_service_port
        if host is None or port is None:
            return host
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class _Response(TolerantSchema):
    @pre_load
    def drop_empty(self, values: Any, **_: Any) -> Any:
        """Treat null and "" as missing."""
        if not isinstance(values, Mapping):
            return values
        return {name: value for name, value in values.items() if value is not None and value != ""}


class TokenResponse(_Response):
    """The response to the request for a token."""

    AccessToken = Text(MAX_TOKEN, validate=_IN_A_HEADER)
    Expires = fields.Raw()


class AgentsResponse(_Response):
    """The response to the request for the agents."""

    agents = fields.List(
        fields.Raw(allow_none=True),
        required=True,
        error_messages={"required": "missing", "invalid": "not a list"},
    )
    sipServiceIp = Name(255, required=False)  # noqa: N815 - the cloud's names
    sipServicePort = Name(5, required=False)  # noqa: N815


class AgentEntry(_Response):
    """One agent of the list."""

    workNo = Name(MAX_WORK_NO)  # noqa: N815
    accountCode = Name(MAX_USER_ACCOUNT, required=False)  # noqa: N815
    sipAccount = Name(MAX_SIP_ACCOUNT, required=False)  # noqa: N815
    sipPwd = Text(_MAX_SIP_PASSWORD, required=False)  # noqa: N815


_TOKEN, _AGENTS, _ENTRY = TokenResponse(), AgentsResponse(), AgentEntry()


def parse_token(body: bytes) -> AccessToken:
    """Return the token in the cloud's response; raises Refusal, which quotes nothing of it."""
    response = load(_TOKEN, read_object(body))
    return AccessToken(response["AccessToken"], _integer(response.get("Expires")))


def parse_agents(body: bytes) -> AgentList:
    """Return the list of agents in the cloud's response; no message quotes a value of it.

    An agent without an `accountCode` cannot be linked to an account, and is only counted. Raises Refusal when
    the response is not a list, or all its entries are unreadable.
    """
    response = load(_AGENTS, read_object(body))
    unreadable: list[str] = []
    entries = [
        entry
        for number, values in enumerate(response["agents"], 1)
        for entry in _entry(number, values, unreadable)
    ]
    if unreadable and not entries:
        raise Refusal(Reason.FIELD_INVALID, unreadable[0])
    named = [entry for entry in entries if "accountCode" in entry]
    return AgentList(
        agents=_each_once(map(_agent, named), unreadable),
        left_out=len(entries) - len(named),
        unreadable=tuple(unreadable),
        sip_service_ip=response.get("sipServiceIp"),
        sip_service_port=_integer(response.get("sipServicePort")),
    )


def _entry(number: int, values: Any, unreadable: list[str]) -> Iterator[dict[str, str]]:
    """Yield the entry *number* of the list, or add its problem to *unreadable*."""
    try:
        yield load(_ENTRY, values)
    except Refusal as refusal:
        unreadable.append(f"agent {number} of the list: {refusal.detail}")


def _agent(entry: Mapping[str, str]) -> ListedAgent:
    return ListedAgent(entry["accountCode"], entry["workNo"], entry.get("sipAccount"), entry.get("sipPwd"))


def _each_once(agents: Iterable[ListedAgent], unreadable: list[str]) -> tuple[ListedAgent, ...]:
    """Return the agents sorted by account code, without codes that are listed for different agents."""
    found: dict[str, ListedAgent] = {}
    doubtful = {
        agent.account_code for agent in agents if found.setdefault(agent.account_code, agent) != agent
    }
    words = "is listed twice, as different agents"
    unreadable += [f"the accountCode {code} {words}" for code in sorted(doubtful)]
    return tuple(found[code] for code in sorted(found.keys() - doubtful))


def _integer(value: Any) -> int | None:
    """Return the integer that *value* is or spells, if it can be seconds or a port, else None."""
    text = str(value) if type(value) is int else value
    is_number = isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) <= 9
    return int(text) if is_number else None
