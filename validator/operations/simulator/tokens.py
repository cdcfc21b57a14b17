"""Sources of enterprise tokens for scenarios, and the alteration of tokens before they are presented."""

import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from validator.errors import OperatorError, Refusal
from validator.operations.http_client import NoResponse, basic
from validator.operations.simulator.scenario import TIMED_TOKENS
from validator.operations.simulator.target import Known, Others, Skipped, Target
from validator.untrusted import read_object

_BASE64 = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
_OTHER = {"agent": "chat", "chat": "agent"}
_FIELDS = {"agent": "access_token", "chat": "thirdUserToken"}


class TokenSource(Protocol):
    """A source of tokens for the subjects known at the target."""

    def issue(self, side: str) -> str:
        """Return a valid token for *side*, `agent` or `chat`; raises Skipped."""
        ...

    def issue_timed(self, side: str, kind: str) -> str:
        """Return a token with other times, of a *kind* in `TIMED_TOKENS`; raises Skipped."""
        ...


class ClientTokens:
    """Tokens that the target issues to a backend client."""

    def __init__(self, target: Target, client_id: str, client_secret: str) -> None:
        self._target, self._client_id = target, client_id
        self._headers = basic(client_id, client_secret)

    def issue(self, side: str) -> str:
        """Return a token for *side*; raises Skipped, or OperatorError when the target issues none."""
        subject = subject_fields(side, self._target.known)
        try:
            answer = self._target.post(f"/api/v1/tokens/{side}", subject, self._headers)
            members = read_object(answer.body)
        except (NoResponse, Refusal) as error:
            raise OperatorError(f"the target issues no token to {self._client_id}: {error}") from None
        token = members.get(_FIELDS[side])
        if answer.status != 200 or not isinstance(token, str):
            raise OperatorError(
                f"the target issues no token to {self._client_id}: status {answer.status}, "
                f"{members.get('detail') or members.get('title') or 'no reason given'}"
            )
        return token

    def issue_timed(self, side: str, kind: str) -> str:
        """Raise Skipped: the target has one clock."""
        raise Skipped(f"a token {kind} needs the target's keyring: run with --home on its host")


@dataclass(frozen=True, slots=True)
class ClientAndHome:
    """Tokens that the target issues to a backend client, and those with other times from its home."""

    client: TokenSource
    home: TokenSource

    def issue(self, side: str) -> str:
        """Return the client's token for *side*."""
        return self.client.issue(side)

    def issue_timed(self, side: str, kind: str) -> str:
        """Return the home's token with other times."""
        return self.home.issue_timed(side, kind)


class Presented:
    """The tokens of one scenario: each kind is issued once, so that steps can present the same one again."""

    def __init__(self, source: TokenSource) -> None:
        self._source = source
        self._tokens: dict[tuple[str, str], str] = {}

    def token(self, side: str, kind: str) -> str:
        """Return the token of *kind* to present on *side*; raises Skipped, OperatorError."""
        if (side, kind) not in self._tokens:
            self._tokens[side, kind] = self._made(side, kind)
        return self._tokens[side, kind]

    def hidden(self, text: str) -> str:
        """Return *text* from the target with every token in it masked."""
        for token in self._tokens.values():
            text = text.replace(token, "(token)")
        return text

    def _made(self, side: str, kind: str) -> str:
        if kind == "nonsense":
            return "not-a-token"
        if kind == "other audience":
            return self._source.issue(_OTHER[side])
        if kind in TIMED_TOKENS:
            return self._source.issue_timed(side, kind)
        token = self._source.issue(side)
        return token if kind == "good" else spoiled(token, kind)


def spoiled(token: str, kind: str) -> str:
    """Return *token* with another payload, another signature, or the same signature in another spelling."""
    payload, dot, signature = token.rpartition(".")
    if not dot or not payload or not signature:
        raise Skipped("the target's tokens are not of the form payload.signature")
    if kind == "altered payload":
        middle = len(payload) // 2
        return f"{payload[:middle]}{_another(payload[middle])}{payload[middle + 1 :]}.{signature}"
    if kind == "altered signature":
        return f"{payload}.{_another(signature[0])}{signature[1:]}"
    if len(signature) % 4 != 3 or signature[-1] not in _BASE64:
        raise Skipped("the target's signatures have one spelling only")
    # 43 characters spell 258 bits, of which the last two belong to none of the 32 bytes.
    return f"{payload}.{signature[:-1]}{_BASE64[_BASE64.index(signature[-1]) ^ 1]}"


def subject_fields(side: str, known: Known) -> Mapping[str, str]:
    """Return the fields of the subject known on *side*, in the cloud's names; raises Skipped without one."""
    if side == "agent":
        if known.user_account is None:
            raise Skipped("no agent is named: give --user-account")
        return {"tenantSpaceId": known.tenant, "userAccount": known.user_account}
    if known.user_id is None or known.user_name is None:
        raise Skipped("no customer is named: give --user-id and --user-name")
    return {"tenantSpaceId": known.tenant, "userId": known.user_id, "userName": known.user_name}


def others_fields(side: str, whose: str, known: Known, others: Others) -> Mapping[str, str]:
    """Return the fields of an existing subject that the known subject's token is not valid for.

    *whose* is `other` or `other tenant`. Raises Skipped without another subject on *side*: a name that does
    not exist is refused as unknown, which proves nothing about the token.
    """
    own = subject_fields(side, known)
    if whose == "other tenant":
        if others.tenant is None:
            raise Skipped("no other tenant is known: give --other-tenant")
        return {**own, "tenantSpaceId": others.tenant}
    if side == "agent":
        if others.user_account is None:
            raise Skipped("nobody else is known: give --other-user-account")
        return {**own, "userAccount": others.user_account}
    if others.user_id is None or others.user_name is None:
        raise Skipped("nobody else is known: give --other-user-id and --other-user-name")
    return {**own, "userId": others.user_id, "userName": others.user_name}


def _another(character: str) -> str:
    return "B" if character == "A" else "A"
