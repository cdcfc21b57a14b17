"""The cloud's questions about a population, with tokens signed as the server would issue them."""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

import orjson

from benchmarks.population import TENANTS, Size, revoked_jti, tenant_of
from validator.clock import SystemClock, from_milliseconds, to_milliseconds
from validator.services import Services
from validator.tokens.claims import Audience, Claims, Subject
from validator.tokens.issuer import purpose


@dataclass(frozen=True, slots=True)
class Question:
    """One of the cloud's questions: its kind, its body, the claims in its token, and the right `retCode`."""

    kind: str
    body: bytes
    claims: Claims
    code: int = 0


def agents(services: Services, size: Size, number: int, seed: int = 1) -> list[Question]:
    """Return *number* questions about good tokens of agents drawn from all; the keys sign in equal parts.

    The keyring grows to the keys of *size* on the way.
    """
    draw, questions = Random(seed), []  # noqa: S311 - which agents, no secret
    for place in range(size.keys):
        if place:
            services.keyring.rotate()
        share = number * (place + 1) // size.keys - number * place // size.keys
        questions += [agent(services, draw.randrange(size.accounts), _jti(draw)) for _ in range(share)]
    draw.shuffle(questions)
    return questions


def mixed(services: Services, size: Size, number: int, seed: int = 1) -> list[Question]:
    """Return *number* questions as the cloud may ask them: 7 % of customers, 3 % about tokens of no worth."""
    draw, questions = Random(seed), []  # noqa: S311 - which of them, no secret
    for place in range(number):
        account, jti = draw.randrange(size.accounts), _jti(draw)
        match place % 100:
            case 0:
                questions.append(revoked(services, draw.randrange(size.revoked), size.accounts))
            case 1:
                long_ago = SystemClock().now() - timedelta(days=3)
                questions.append(agent(services, account, jti, "expired", code=2, at=long_ago))
            case 2:
                questions.append(_forged(agent(services, account, jti, "forged", code=2)))
            case place if place < 10:
                questions.append(customer(services, account, jti))
            case _:
                questions.append(agent(services, account, jti))
    draw.shuffle(questions)
    return questions


def _drawn(
    services: Services, size: Size, number: int, kind: str, at: datetime | None = None
) -> list[Question]:
    draw = Random(kind)  # noqa: S311 - which agents, no secret
    return [
        agent(services, draw.randrange(size.accounts), _jti(draw), kind, code=2, at=at) for _ in range(number)
    ]


def forged_ones(services: Services, size: Size, number: int) -> list[Question]:
    """Return *number* questions about tokens with another token's signature."""
    return [_forged(each) for each in _drawn(services, size, number, "forged")]


def expired_ones(services: Services, size: Size, number: int) -> list[Question]:
    """Return *number* questions about tokens that expired two days ago."""
    return _drawn(services, size, number, "expired", SystemClock().now() - timedelta(days=3))


def revoked_ones(services: Services, size: Size, number: int) -> list[Question]:
    """Return *number* questions about revoked tokens, at most as many as there are."""
    step = max(1, size.revoked // number)
    return [revoked(services, place * step, size.accounts) for place in range(number)]


def strange_ones(services: Services, size: Size, number: int) -> list[Question]:
    """Return *number* questions that name another tenant than the good token's."""
    questions = []
    for question in _drawn(services, size, number, "another tenant's"):
        body = orjson.loads(question.body)
        body["tenantSpaceId"] = TENANTS[(TENANTS.index(body["tenantSpaceId"]) + 1) % len(TENANTS)]
        questions.append(replace(question, body=orjson.dumps(body)))
    return questions


REFUSED: Mapping[str, Callable[[Services, Size, int], list[Question]]] = {
    "forged": forged_ones,
    "expired": expired_ones,
    "revoked": revoked_ones,
    "another tenant's": strange_ones,
}


def agent(
    services: Services,
    number: int,
    jti: str,
    kind: str = "agent",
    code: int = 0,
    at: datetime | None = None,
) -> Question:
    """Return a question about an agent's token, which is signed now, or was *at* some other time."""
    subject = Subject(Audience.AGENT, tenant_of(number), f"agent-{number:07}")
    claims = _claims(subject, jti, at)
    body = {
        "access_token": sign(services, claims),
        "tenantSpaceId": subject.tenant,
        "userAccount": subject.id,
    }
    return Question(kind, orjson.dumps(body), claims, code)


def customer(services: Services, number: int, jti: str) -> Question:
    """Return a question about a customer's token, which is signed now."""
    subject = Subject(Audience.CHAT, tenant_of(number), f"customer-{number:07}", f"Customer {number}")
    claims = _claims(subject, jti)
    body = {"Token": sign(services, claims), "userName": subject.name, "userId": subject.id}
    return Question("chat", orjson.dumps(body | {"tenantSpaceId": subject.tenant}), claims)


def revoked(services: Services, number: int, accounts: int) -> Question:
    """Return a question about a token that is in row *number* of the revoked ones."""
    # Row and account must be of one tenant, and there may be fewer accounts than tenants.
    of_tenant = number % len(TENANTS)
    account = of_tenant + len(TENANTS) * (number % max(1, accounts // len(TENANTS)))
    return agent(services, account, revoked_jti(number), "revoked", code=2)


def _forged(question: Question) -> Question:
    """Return *question* with a token whose signature is another's: the first character is exchanged."""
    body = orjson.loads(question.body)
    content, signature = body["access_token"].split(".")
    body["access_token"] = f"{content}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
    return replace(question, body=orjson.dumps(body))


def sign(services: Services, claims: Claims) -> str:
    """Return a token with *claims*, as the server would issue it."""
    return services.keyring.signer(purpose(claims.subject.audience)).sign(claims.to_json())


def _jti(draw: Random) -> str:
    return urlsafe_b64encode(draw.randbytes(18)).decode()


def _claims(subject: Subject, jti: str, at: datetime | None = None) -> Claims:
    now = from_milliseconds(to_milliseconds(at or SystemClock().now()))
    return Claims(jti, subject, epoch=1, revocation=0, issued_at=now, expires_at=now + timedelta(hours=24))
