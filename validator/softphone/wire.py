"""The fields of the softphone routes' requests and responses."""

from collections.abc import Iterable, Mapping
from typing import Any

from marshmallow import Schema, fields
from marshmallow.validate import OneOf

from validator.cloud.agents import Agent
from validator.passwords.policy import MAX_TYPED
from validator.sizes import MAX_USER_ACCOUNT
from validator.softphone.softphones import Softphone, State
from validator.untrusted import Name, Text, TolerantSchema, load


class SoftphoneEntry(Schema):
    """One agent of the person: its numbers as the cloud's list has them, and whether a password is there."""

    userAccount = fields.String(required=True)  # noqa: N815 - spelt like the cloud's names
    workNo = fields.String()  # noqa: N815
    sipAccount = fields.String()  # noqa: N815
    sipService = fields.String()  # noqa: N815
    state = fields.String(required=True, validate=OneOf(list(State)))


class SoftphonesAnswer(Schema):
    """The softphone of each agent that the person is."""

    softphones = fields.List(fields.Nested(SoftphoneEntry), required=True)


class RevealRequest(TolerantSchema):
    """The person's own password once more, and of several agents the one that is meant."""

    password = Text(MAX_TYPED, metadata={"format": "password"})
    userAccount = Name(MAX_USER_ACCOUNT, required=False)  # noqa: N815


class RevealAnswer(Schema):
    """The password of an agent's softphone."""

    userAccount = fields.String(required=True)  # noqa: N815
    sipPassword = fields.String(required=True)  # noqa: N815


_REVEAL = RevealRequest()


def parse_reveal(values: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return the presented password, and the `userAccount` if one is named; raises Refusal."""
    presented = load(_REVEAL, values)
    return presented["password"], presented.get("userAccount")


def render(softphones: Iterable[Softphone]) -> dict[str, Any]:
    """Return the response with every softphone of a person."""
    return {"softphones": [_entry(each) for each in softphones]}


def render_revealed(agent: Agent, sip_password: str) -> dict[str, str]:
    """Return the response with the password of the softphone of *agent*."""
    return {"userAccount": agent.account_code, "sipPassword": sip_password}


def _entry(softphone: Softphone) -> dict[str, str]:
    agent = softphone.agent
    known = {"userAccount": softphone.user_account, "state": softphone.state.value}
    if agent is None:
        return known
    listed = {"workNo": agent.work_no, "sipAccount": agent.sip_account, "sipService": agent.sip_service}
    return known | {name: value for name, value in listed.items() if value is not None}
