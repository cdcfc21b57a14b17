"""The fields of the login routes' requests and responses."""

from collections.abc import Collection, Mapping
from typing import Any

from marshmallow import Schema, fields

from validator.accounts.account import Account
from validator.accounts.sessions import Session
from validator.clock import iso_milliseconds
from validator.passwords.policy import MAX_TYPED
from validator.sizes import MAX_LOGIN
from validator.untrusted import Text, TolerantSchema, load

_MAX_CODE = 256  # characters; a code here has 43, another strategy's proof may have more


class LoginRequest(TolerantSchema):
    """A person's name and password."""

    account = Text(MAX_LOGIN)
    password = Text(MAX_TYPED, metadata={"format": "password"})


class PasswordRequest(TolerantSchema):
    """A person's current password and the new one."""

    oldPassword = Text(MAX_TYPED, metadata={"format": "password"})  # noqa: N815 - spelt like the cloud's names
    newPassword = Text(MAX_TYPED, metadata={"format": "password"})  # noqa: N815


class SessionAnswer(Schema):
    """The account that is logged in, its identities in the cloud, and the session's end."""

    account = fields.String(required=True)
    tenantSpaceId = fields.String(required=True)  # noqa: N815
    userAccount = fields.String()  # noqa: N815
    userAccounts = fields.List(fields.String(), required=True)  # noqa: N815
    userId = fields.String()  # noqa: N815
    userName = fields.String()  # noqa: N815
    expiresAt = fields.String(required=True, metadata={"format": "date-time"})  # noqa: N815


class PopCodeAnswer(Schema):
    """A code that the page in the cloud's frame exchanges for its cookie, once, within a minute."""

    code = fields.String(required=True)


class PopSessionRequest(TolerantSchema):
    """The code of the window in which the person is logged in."""

    code = Text(_MAX_CODE)


class PopSessionAnswer(Schema):
    """The person on the page in the cloud's frame, with the agents of the cloud that they are."""

    account = fields.String(required=True)
    userAccounts = fields.List(fields.String(), required=True)  # noqa: N815 - spelt like the cloud's names
    workNos = fields.List(fields.String(), required=True)  # noqa: N815
    expiresAt = fields.String(required=True, metadata={"format": "date-time"})  # noqa: N815


_LOGIN, _PASSWORD, _POP_SESSION = LoginRequest(), PasswordRequest(), PopSessionRequest()


def parse_login(values: Mapping[str, Any]) -> tuple[str, str]:
    """Return the presented account and password; raises Refusal."""
    presented = load(_LOGIN, values)
    return presented["account"], presented["password"]


def parse_password(values: Mapping[str, Any]) -> tuple[str, str]:
    """Return the presented old password and the new one; raises Refusal."""
    presented = load(_PASSWORD, values)
    return presented["oldPassword"], presented["newPassword"]


def parse_pop_session(values: Mapping[str, Any]) -> str:
    """Return the presented code; raises Refusal."""
    code: str = load(_POP_SESSION, values)["code"]
    return code


def render_pop_session(
    session: Session, user_accounts: Collection[str], work_numbers: Collection[str]
) -> dict[str, Any]:
    """Return the response for a session on the page in the cloud's frame."""
    return {
        "account": session.account.login,
        "userAccounts": list(user_accounts),
        "workNos": list(work_numbers),
        "expiresAt": iso_milliseconds(session.expires_at),
    }


def render(session: Session, user_accounts: Collection[str]) -> dict[str, Any]:
    """Return the response for a session, with every `userAccount` for which the person may get a token."""
    return {
        **_about(session.account),
        "userAccounts": list(user_accounts),
        "expiresAt": iso_milliseconds(session.expires_at),
    }


def _about(account: Account) -> dict[str, str]:
    identity = account.identity
    named = {
        "account": account.login,
        "tenantSpaceId": account.tenant,
        "userAccount": identity.user_account,
        "userId": identity.user_id,
        "userName": identity.user_name,
    }
    return {name: value for name, value in named.items() if value is not None}
