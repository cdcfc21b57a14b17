"""The words of the cloud's API Fabric: its answers to the question for a token and to that for the agents.

Read tolerantly: fields nobody needs are ignored, null and "" count as missing, numbers may come as texts and
texts as integers. Only what the list cannot do without is demanded, `agents` and each one's `workNo`; yet one
entry that cannot be read spoils the whole list, for a half of it would remove the other half here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from marshmallow import fields, pre_load, validate

from validator.errors import Reason, Refusal
from validator.untrusted import Name, Text, TolerantSchema, load, read_object

LONGEST_TOKEN = 8192
LONGEST_ACCOUNT_CODE = 64
LONGEST_WORK_NO = 32
LONGEST_SIP_ACCOUNT = 64
_LONGEST_SIP_PASSWORD = 255
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
    """The cloud's list: its agents by account code, how many have none, and where its SIP service is."""

    agents: tuple[ListedAgent, ...]
    left_out: int = 0
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

    AccessToken = Text(LONGEST_TOKEN, validate=_IN_A_HEADER)
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

    workNo = Name(LONGEST_WORK_NO)  # noqa: N815
    accountCode = Name(LONGEST_ACCOUNT_CODE, required=False)  # noqa: N815
    sipAccount = Name(LONGEST_SIP_ACCOUNT, required=False)  # noqa: N815
    sipPwd = Text(_LONGEST_SIP_PASSWORD, required=False)  # noqa: N815


_TOKEN, _AGENTS, _ENTRY = TokenAnswer(), AgentsAnswer(), AgentEntry()


def parse_token(body: bytes) -> AccessToken:
    """Return the token in the cloud's answer; raises Refusal, which quotes nothing of it."""
    answer = load(_TOKEN, read_object(body))
    return AccessToken(answer["AccessToken"], _whole(answer.get("Expires")))


def parse_agents(body: bytes) -> AgentList:
    """Return the list of agents in the cloud's answer; raises Refusal, which quotes no value of it.

    An agent without an `accountCode` can be nobody's here, and is only counted.
    """
    answer = load(_AGENTS, read_object(body))
    entries = [_entry(number, values) for number, values in enumerate(answer["agents"], 1)]
    named = [entry for entry in entries if "accountCode" in entry]
    return AgentList(
        agents=_each_once(map(_agent, named)),
        left_out=len(entries) - len(named),
        sip_service_ip=answer.get("sipServiceIp"),
        sip_service_port=_whole(answer.get("sipServicePort")),
    )


def _entry(number: int, values: Any) -> dict[str, str]:
    try:
        entry: dict[str, str] = load(_ENTRY, values)
    except Refusal as refusal:
        raise Refusal(refusal.reason, f"agent {number} of the list: {refusal.detail}") from None
    return entry


def _agent(entry: Mapping[str, str]) -> ListedAgent:
    return ListedAgent(entry["accountCode"], entry["workNo"], entry.get("sipAccount"), entry.get("sipPwd"))


def _each_once(agents: Iterable[ListedAgent]) -> tuple[ListedAgent, ...]:
    """Return the agents by account code; one that is listed twice must be the same both times."""
    found: dict[str, ListedAgent] = {}
    for agent in agents:
        if found.setdefault(agent.account_code, agent) != agent:
            detail = f"the accountCode {agent.account_code} is listed twice, as different agents"
            raise Refusal(Reason.FIELD_INVALID, detail)
    return tuple(found[code] for code in sorted(found))


def _whole(value: Any) -> int | None:
    """Return the number that *value* is or spells, as far as it can be one of seconds or of a port."""
    text = str(value) if type(value) is int else value
    is_number = isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) <= 9
    return int(text) if is_number else None
