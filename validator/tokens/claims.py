"""The claims of an enterprise token: subject, tenant, audience and validity period.

In the token the claims are compact JSON, with the names of RFC 7519 where it has one:
`{"jti","aud","ten","sub","nam","epo","rev","iat","exp"}`; `nam` only for customers, `epo` the account's
epoch, `rev` the number of the last revocation before it, `iat` and `exp` in whole milliseconds since 1970.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

import orjson

from validator.clock import from_milliseconds, to_milliseconds

# The maxima of the settings; a revocation is stored for as long as such a token can live.
MAX_LIFETIME = timedelta(hours=24)
MAX_LEEWAY = timedelta(minutes=5)
MAX_LIFE = MAX_LIFETIME + MAX_LEEWAY


# What a second login of one agent means (`tokens.agent_logins`).
OFF, WARN, END_OLDER = "off", "warn", "end_older"
SINGLE_AGENT = (OFF, WARN, END_OLDER)


class Audience(StrEnum):
    """The cloud's callback that a token is for."""

    AGENT = "agent"
    CHAT = "chat"


_AUDIENCES = {audience.value: audience for audience in Audience}


@dataclass(frozen=True, slots=True)
class TokenPolicy:
    """The lifetimes of tokens, how far clocks may differ, and what an agent's second login means."""

    agent_lifetime: timedelta
    chat_lifetime: timedelta
    leeway: timedelta
    single_agent: str = OFF

    def lifetime(self, audience: Audience) -> timedelta:
        """Return how long a token for *audience* lives."""
        return self.agent_lifetime if audience is Audience.AGENT else self.chat_lifetime


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject known to the cloud: an agent by `userAccount`, a customer by `userId` and `userName`."""

    audience: Audience
    tenant: str
    id: str
    name: str | None = None

    def __post_init__(self) -> None:
        if (self.name is None) != (self.audience is Audience.AGENT):
            raise ValueError("a customer has a name, an agent has none")


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """The subject of a requested token; a person may leave out everything but the audience."""

    audience: Audience
    tenant: str | None = None
    id: str | None = None
    name: str | None = None


class Claims(NamedTuple):
    """The claims of a token."""

    jti: str
    subject: Subject
    epoch: int
    revocation: int
    issued_at: datetime
    expires_at: datetime

    def to_json(self) -> bytes:
        """Return the claims in the token's format."""
        subject = self.subject
        name = {} if subject.name is None else {"nam": subject.name}
        return orjson.dumps(
            {
                "jti": self.jti,
                "aud": subject.audience,
                "ten": subject.tenant,
                "sub": subject.id,
                **name,
                "epo": self.epoch,
                "rev": self.revocation,
                "iat": to_milliseconds(self.issued_at),
                "exp": to_milliseconds(self.expires_at),
            }
        )

    @classmethod
    def from_json(cls, text: bytes) -> "Claims":
        """Return the claims in *text*, which was signed here; raises ValueError, KeyError or TypeError."""
        members = orjson.loads(text)
        return cls(
            members["jti"],
            Subject(_AUDIENCES[members["aud"]], members["ten"], members["sub"], members.get("nam")),
            members["epo"],
            members["rev"],
            from_milliseconds(members["iat"]),
            from_milliseconds(members["exp"]),
        )
