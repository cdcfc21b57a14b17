"""The words of the cloud's API Fabric: its answers to the question for a token and to that for the agents.

Read tolerantly: fields nobody needs are ignored, null and "" count as missing, numbers may come as texts and
texts as integers. Only what the list cannot do without is demanded, `agents` and each one's `workNo`. An
entry that cannot be read is left out and named: the others are good, but the list is not whole, so nobody may
be removed by it.
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
_IN_A_HEADER = validate.Regexp(r"[!-~]+\Z", error="has characters that fit into no header")


@dataclass(frozen=True, slots=True)
class AccessToken:
    """The cloud's token for its API, and for how many seconds it says it is good; None when it does not."""

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
    """The cloud's list: its agents by account code, how many have none, and where its SIP service is.

    `unreadable` says in words which entries were left out; without any the list is whole.
    """

    agents: tuple[ListedAgent, ...]
    left_out: int = 0
    unreadable: tuple[str, ...] = ()
    sip_service_ip: str | None = None
    sip_service_port: int | None = None


class _Answer(TolerantSchema):
    @pre_load
    def leave_out_what_is_empty(self, values: Any, **_: Any) -> Any:
        """Take null and "" for missing."""
        if not isinstance(values, Mapping):
            return values
        return {name: value for name, value in values.items() if value is not None and value != ""}


class TokenAnswer(_Answer):
    """The answer to the question for a token."""

    AccessToken = Text(MAX_TOKEN, validate=_IN_A_HEADER)
    Expires = fields.Raw()


class AgentsAnswer(_Answer):
    """The answer to the question for the agents."""

    agents = fields.List(
        fields.Raw(allow_none=True),
        required=True,
        error_messages={"required": "missing", "invalid": "not a list"},
    )
    sipServiceIp = Name(255, required=False)  # noqa: N815 - the cloud's names
    sipServicePort = Name(5, required=False)  # noqa: N815


class AgentEntry(_Answer):
    """One agent of the list."""

    workNo = Name(MAX_WORK_NO)  # noqa: N815
    accountCode = Name(MAX_USER_ACCOUNT, required=False)  # noqa: N815
    sipAccount = Name(MAX_SIP_ACCOUNT, required=False)  # noqa: N815
    sipPwd = Text(_MAX_SIP_PASSWORD, required=False)  # noqa: N815


_TOKEN, _AGENTS, _ENTRY = TokenAnswer(), AgentsAnswer(), AgentEntry()


def parse_token(body: bytes) -> AccessToken:
    """Return the token in the cloud's answer; raises Refusal, which quotes nothing of it."""
    answer = load(_TOKEN, read_object(body))
    return AccessToken(answer["AccessToken"], _whole(answer.get("Expires")))


def parse_agents(body: bytes) -> AgentList:
    """Return the list of agents in the cloud's answer; no word quotes a value of it.

    An agent without an `accountCode` can be nobody's here, and is only counted. Raises Refusal when the
    answer is not a list, or no entry of it can be read.
    """
    answer = load(_AGENTS, read_object(body))
    unreadable: list[str] = []
    entries = [
        entry
        for number, values in enumerate(answer["agents"], 1)
        for entry in _entry(number, values, unreadable)
    ]
    if unreadable and not entries:
        raise Refusal(Reason.FIELD_INVALID, unreadable[0])
    named = [entry for entry in entries if "accountCode" in entry]
    return AgentList(
        agents=_each_once(map(_agent, named), unreadable),
        left_out=len(entries) - len(named),
        unreadable=tuple(unreadable),
        sip_service_ip=answer.get("sipServiceIp"),
        sip_service_port=_whole(answer.get("sipServicePort")),
    )


def _entry(number: int, values: Any, unreadable: list[str]) -> Iterator[dict[str, str]]:
    """Yield the entry *number* of the list, or add to *unreadable* what is wrong with it."""
    try:
        yield load(_ENTRY, values)
    except Refusal as refusal:
        unreadable.append(f"agent {number} of the list: {refusal.detail}")


def _agent(entry: Mapping[str, str]) -> ListedAgent:
    return ListedAgent(entry["accountCode"], entry["workNo"], entry.get("sipAccount"), entry.get("sipPwd"))


def _each_once(agents: Iterable[ListedAgent], unreadable: list[str]) -> tuple[ListedAgent, ...]:
    """Return the agents by account code; of one that is listed twice as different agents, neither."""
    found: dict[str, ListedAgent] = {}
    doubtful = {
        agent.account_code for agent in agents if found.setdefault(agent.account_code, agent) != agent
    }
    words = "is listed twice, as different agents"
    unreadable += [f"the accountCode {code} {words}" for code in sorted(doubtful)]
    return tuple(found[code] for code in sorted(found.keys() - doubtful))


def _whole(value: Any) -> int | None:
    """Return the number that *value* is or spells, as far as it can be one of seconds or of a port."""
    text = str(value) if type(value) is int else value
    is_number = isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) <= 9
    return int(text) if is_number else None
