"""Introspection and revocation: which tokens are in reach, and what is recorded."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.breakage import KEYS, STORE, TRAIL_AWAY, Breakage
from tests.support.fakes import AGENT, CUSTOMER, LOGIN, OTHER_TENANT, TENANT, Enterprise
from validator.errors import Fault, Reason, Refusal
from validator.tenants import RecordStatus
from validator.tokens.claims import Audience, Claims, Subject
from validator.tokens.introspection import Inspector
from validator.tokens.issuer import TokenIssuer, purpose
from validator.tokens.principals import ClientPrincipal, Operator
from validator.tokens.revocation import RevocationRequest, targets_around

FOREIGN = Subject(Audience.AGENT, OTHER_TENANT, "agent-7")
SUBJECTS = pytest.mark.parametrize("subject", [AGENT, CUSTOMER], ids=["agent", "customer"])
OVERSEERS = pytest.mark.parametrize("who", ["client", "operator"])


def inspector_named(enterprise: Enterprise, who: str) -> Inspector:
    return Operator() if who == "operator" else client(enterprise)


def client(enterprise: Enterprise) -> ClientPrincipal:
    """Return the enterprise's client, which may act for the first tenant only."""
    return ClientPrincipal(enterprise.services.clients.authenticate(*enterprise.basic))


def issued(enterprise: Enterprise, subject: Subject = AGENT) -> tuple[str, Claims]:
    """Return a new token for *subject* at its current epoch, and its claims."""
    services = enterprise.services
    issuer = TokenIssuer(services.keyring, services.settings.tokens, enterprise.clock)
    state = services.subject_states.of(subject, targets_around(subject))
    return issuer.issue(subject, state.epoch, state.revocation)


def is_valid(enterprise: Enterprise, token: str, audience: Audience = Audience.AGENT) -> bool:
    """Return whether a token would be accepted now."""
    try:
        enterprise.services.subject_states.check(enterprise.services.verifier.verify(token, audience))
    except Refusal:
        return False
    return True


def entries(enterprise: Enterprise) -> list[dict[str, Any]]:
    """Return the trail's entries without time and position."""
    names = ("event", "outcome", "reason", "tenant", "subject", "audience", "jti", "by", "detail")
    return [{name: entry[name] for name in names if name in entry} for entry in enterprise.trail()]


def about(claims: Claims) -> dict[str, str]:
    subject = claims.subject
    return {
        "tenant": subject.tenant,
        "subject": subject.id,
        "audience": subject.audience,
        "jti": claims.jti,
    }


# Introspection


@OVERSEERS
@SUBJECTS
def test_valid_token_is_active(enterprise: Enterprise, who: str, subject: Subject) -> None:
    """A client introspects a valid token of its tenant, an operator any; the entry has its jti."""
    inspector = inspector_named(enterprise, who)
    token, claims = issued(enterprise, subject)

    assert enterprise.services.introspection.introspect(inspector, token) == claims

    assert entries(enterprise) == [
        {"event": "introspected", "outcome": "accepted", "by": inspector.label, **about(claims)}
    ]


def ended(enterprise: Enterprise, claims: Claims, reason: Reason) -> None:
    """End the token of *claims* so that *reason* applies."""
    services = enterprise.services
    acts: dict[Reason, Callable[[], object]] = {
        Reason.TOKEN_EXPIRED: lambda: enterprise.clock.advance(days=1),
        Reason.TOKEN_NOT_YET_VALID: lambda: enterprise.clock.advance(days=-1),
        Reason.TOKEN_REVOKED: lambda: services.revocations.revoke("all"),
        Reason.TOKEN_STALE: lambda: services.accounts.set_password(
            services.accounts.require(LOGIN), "another hash"
        ),
        Reason.ACCOUNT_DISABLED: lambda: services.accounts.set_status(LOGIN, RecordStatus.DISABLED),
        Reason.TENANT_DISABLED: lambda: services.tenants.set_status(TENANT, RecordStatus.DISABLED),
    }
    acts[reason]()


@OVERSEERS
@pytest.mark.parametrize(
    "reason",
    [
        Reason.TOKEN_EXPIRED,
        Reason.TOKEN_NOT_YET_VALID,
        Reason.TOKEN_REVOKED,
        Reason.TOKEN_STALE,
        Reason.ACCOUNT_DISABLED,
        Reason.TENANT_DISABLED,
    ],
)
def test_invalid_token_is_not_active(enterprise: Enterprise, who: str, reason: Reason) -> None:
    """Introspection reveals nothing of it, inspection the claims and the reason; both are recorded."""
    inspector = inspector_named(enterprise, who)
    token, claims = issued(enterprise)
    ended(enterprise, claims, reason)

    assert enterprise.services.introspection.introspect(inspector, token) is None
    assert enterprise.services.introspection.inspect(inspector, token) == (claims, reason)

    common = {"event": "introspected", "outcome": "refused", "reason": reason, "by": inspector.label}
    assert entries(enterprise) == [{**common, **about(claims)}] * 2


def test_foreign_token_looks_like_an_unknown_one(enterprise: Enterprise) -> None:
    """To a client another tenant's valid token does not exist; the trail has the reason."""
    inspector = client(enterprise)
    token, _ = issued(enterprise, FOREIGN)

    assert enterprise.services.introspection.introspect(inspector, token) is None
    assert enterprise.services.introspection.introspect(inspector, "no token") is None

    common = {"event": "introspected", "outcome": "refused", "by": inspector.label}
    assert entries(enterprise) == [
        {**common, "reason": "tenant_not_granted"},
        {**common, "reason": "token_forged"},
    ]


def test_operator_sees_tokens_of_every_tenant(enterprise: Enterprise) -> None:
    """An operator introspects what a client of another tenant cannot."""
    token, claims = issued(enterprise, FOREIGN)

    assert enterprise.services.introspection.introspect(Operator(), token) == claims


@OVERSEERS
@pytest.mark.parametrize("token", ["", "x", "a.b", "é", "\x00", "a" * 5000])
def test_unsigned_text_is_not_active(enterprise: Enterprise, who: str, token: str) -> None:
    """A text that was not signed here is not active, and not an error."""
    answer = enterprise.services.introspection.inspect(inspector_named(enterprise, who), token)

    assert answer == (None, Reason.TOKEN_FORGED)


def test_token_of_another_version_is_malformed(enterprise: Enterprise) -> None:
    """A signed text without claims is not active; its reason is "malformed"."""
    token = enterprise.services.keyring.signer(purpose(Audience.AGENT)).sign(b"{}")

    assert enterprise.services.introspection.inspect(Operator(), token) == (None, Reason.TOKEN_MALFORMED)


# Revocation of a presented token


@OVERSEERS
@SUBJECTS
def test_presented_token_is_revoked(enterprise: Enterprise, who: str, subject: Subject) -> None:
    """A token in reach is revoked, the subject's others are not; a second revocation is no error."""
    inspector = inspector_named(enterprise, who)
    token, claims = issued(enterprise, subject)
    other, _ = issued(enterprise, subject)

    for _ in range(2):
        enterprise.services.introspection.revoke(inspector, RevocationRequest(presented_token=token))

    assert not is_valid(enterprise, token, subject.audience)
    assert is_valid(enterprise, other, subject.audience)
    assert (
        entries(enterprise)
        == [{"event": "revoked", "outcome": "accepted", "by": inspector.label, **about(claims)}] * 2
    )


@pytest.mark.parametrize("how", ["presented", "by its jti"])
def test_token_from_a_clock_ahead_is_revoked(enterprise: Enterprise, how: str) -> None:
    """A token issued by a node ahead within the leeway is revoked like any other."""
    token, claims = issued(enterprise)
    enterprise.clock.advance(seconds=-20)
    assert is_valid(enterprise, token)
    by_jti = RevocationRequest(tenant=TENANT, jti=claims.jti)

    order = by_jti if how == "by its jti" else RevocationRequest(presented_token=token)
    enterprise.services.introspection.revoke(Operator(), order)

    assert not is_valid(enterprise, token)
    enterprise.clock.advance(seconds=20)
    assert not is_valid(enterprise, token)


def test_expired_token_is_revoked_silently(enterprise: Enterprise) -> None:
    """Revoking an expired token is no error."""
    token, claims = issued(enterprise)
    enterprise.clock.advance(days=1)

    enterprise.services.introspection.revoke_presented(Operator(), token)

    assert entries(enterprise) == [
        {"event": "revoked", "outcome": "accepted", "by": "operator", **about(claims)}
    ]


def test_foreign_token_is_silently_ignored(enterprise: Enterprise) -> None:
    """Revoking another tenant's token has no effect and no error; the trail has the reason."""
    inspector = client(enterprise)
    token, _ = issued(enterprise, FOREIGN)

    enterprise.services.introspection.revoke(inspector, RevocationRequest(presented_token=token))
    enterprise.services.introspection.revoke(inspector, RevocationRequest(presented_token="no token"))

    assert is_valid(enterprise, token)
    common = {"event": "revoked", "outcome": "refused", "by": inspector.label}
    assert entries(enterprise) == [
        {**common, "reason": "tenant_not_granted"},
        {**common, "reason": "token_forged"},
    ]
    enterprise.services.introspection.revoke(Operator(), RevocationRequest(presented_token=token))
    assert not is_valid(enterprise, token)


# Revocation by name


@OVERSEERS
def test_token_is_revoked_by_its_jti(enterprise: Enterprise, who: str) -> None:
    """A jti with its tenant revokes exactly that token."""
    inspector = inspector_named(enterprise, who)
    token, claims = issued(enterprise)
    other, _ = issued(enterprise)

    enterprise.services.introspection.revoke(inspector, RevocationRequest(tenant=TENANT, jti=claims.jti))

    assert (is_valid(enterprise, token), is_valid(enterprise, other)) == (False, True)
    assert entries(enterprise) == [
        {
            "event": "revoked",
            "outcome": "accepted",
            "tenant": TENANT,
            "jti": claims.jti,
            "by": inspector.label,
        }
    ]


def test_foreign_jti_under_the_own_tenant_revokes_nothing(enterprise: Enterprise) -> None:
    """A client cannot revoke another tenant's token by naming its own tenant."""
    token, claims = issued(enterprise, FOREIGN)

    enterprise.services.introspection.revoke(
        client(enterprise), RevocationRequest(tenant=TENANT, jti=claims.jti)
    )

    assert is_valid(enterprise, token)


@OVERSEERS
@SUBJECTS
def test_subjects_tokens_are_revoked(enterprise: Enterprise, who: str, subject: Subject) -> None:
    """A subject's tokens so far are revoked; the next one and other subjects' are valid."""
    inspector = inspector_named(enterprise, who)
    tokens = [issued(enterprise, subject)[0] for _ in range(2)]
    other = Subject(subject.audience, TENANT, "other", subject.name)
    of_other, _ = issued(enterprise, other)

    order = RevocationRequest(tenant=TENANT, audience=subject.audience, subject=subject.id)
    enterprise.services.introspection.revoke(inspector, order)

    assert not any(is_valid(enterprise, token, subject.audience) for token in tokens)
    assert is_valid(enterprise, of_other, subject.audience)
    assert is_valid(enterprise, issued(enterprise, subject)[0], subject.audience)
    assert entries(enterprise) == [
        {
            "event": "revoked",
            "outcome": "accepted",
            "tenant": TENANT,
            "subject": subject.id,
            "audience": subject.audience,
            "by": inspector.label,
        }
    ]


@OVERSEERS
def test_tenants_tokens_are_revoked(enterprise: Enterprise, who: str) -> None:
    """A tenant's tokens are revoked for both audiences; another tenant's are valid."""
    inspector = inspector_named(enterprise, who)
    agent, customer = issued(enterprise)[0], issued(enterprise, CUSTOMER)[0]
    foreign, _ = issued(enterprise, FOREIGN)

    enterprise.services.introspection.revoke_tenant(inspector, TENANT)

    assert not is_valid(enterprise, agent)
    assert not is_valid(enterprise, customer, Audience.CHAT)
    assert is_valid(enterprise, foreign)
    assert entries(enterprise) == [
        {"event": "revoked", "outcome": "accepted", "tenant": TENANT, "by": inspector.label}
    ]


def test_everything_is_revoked(enterprise: Enterprise) -> None:
    """An operator can revoke every token; the entry records it."""
    tokens = [issued(enterprise)[0], issued(enterprise, FOREIGN)[0]]

    enterprise.services.introspection.revoke_everything(Operator("operator:root"))

    assert not any(is_valid(enterprise, token) for token in tokens)
    assert entries(enterprise) == [
        {"event": "revoked", "outcome": "accepted", "by": "operator:root", "detail": "everything"}
    ]


@pytest.mark.parametrize(
    ("order", "named"),
    [
        (RevocationRequest(tenant=OTHER_TENANT, jti="jti-1"), {"jti": "jti-1"}),
        (
            RevocationRequest(tenant=OTHER_TENANT, audience=Audience.AGENT, subject=FOREIGN.id),
            {"subject": FOREIGN.id, "audience": "agent"},
        ),
        (
            RevocationRequest(tenant=OTHER_TENANT, audience=Audience.CHAT, subject="c"),
            {"subject": "c", "audience": "chat"},
        ),
    ],
    ids=["jti", "agent", "customer"],
)
def test_client_revokes_nothing_in_a_foreign_tenant(
    enterprise: Enterprise, order: RevocationRequest, named: dict[str, str]
) -> None:
    """Naming another tenant is refused, revokes nothing, and is recorded."""
    inspector = client(enterprise)
    token, _ = issued(enterprise, FOREIGN)

    with pytest.raises(Refusal) as refused:
        enterprise.services.introspection.revoke(inspector, order)

    assert refused.value.reason is Reason.TENANT_NOT_GRANTED
    assert is_valid(enterprise, token)
    common = {"event": "revoked", "outcome": "refused", "reason": "tenant_not_granted"}
    assert entries(enterprise) == [{**common, "tenant": OTHER_TENANT, "by": inspector.label, **named}]


def test_client_revokes_no_foreign_tenant(enterprise: Enterprise) -> None:
    """A client cannot revoke a whole other tenant, nor an unknown one."""
    token, _ = issued(enterprise, FOREIGN)

    for tenant in (OTHER_TENANT, "nowhere", ""):
        with pytest.raises(Refusal, match=Reason.TENANT_NOT_GRANTED):
            enterprise.services.introspection.revoke_tenant(client(enterprise), tenant)

    assert is_valid(enterprise, token)


# When a dependency is unavailable


@pytest.mark.parametrize(
    ("breakage", "reason"),
    [
        *(pytest.param(breakage, Reason.KEYS_UNAVAILABLE, id=name) for name, breakage in KEYS.items()),
        *(pytest.param(breakage, Reason.STORE_UNAVAILABLE, id=name) for name, breakage in STORE.items()),
        *(pytest.param(breakage, Reason.TRAIL_UNAVAILABLE, id=name) for name, breakage in TRAIL_AWAY.items()),
    ],
)
def test_unavailable_dependency_is_a_fault(
    enterprise: Enterprise, breakage: Breakage, reason: Reason
) -> None:
    """Neither "not active" nor "revoked" is returned if it cannot be read or recorded."""
    introspection = enterprise.services.introspection
    token, claims = issued(enterprise)

    asks: list[Callable[[], object]] = [
        lambda: introspection.introspect(Operator(), token),
        lambda: introspection.revoke_presented(Operator(), token),
    ]

    with breakage(enterprise):
        for ask in asks:
            with pytest.raises(Fault) as fault:
                ask()
            assert fault.value.reason is reason

    assert entries(enterprise) == []
    assert introspection.inspect(Operator(), token)[0] == claims


def test_no_token_is_in_the_trail(enterprise: Enterprise) -> None:
    """Neither introspection nor revocation leaves a token, or half of one, in the trail."""
    token, _ = issued(enterprise)
    enterprise.services.introspection.introspect(client(enterprise), token)
    enterprise.services.introspection.revoke_presented(client(enterprise), token)

    folder = enterprise.services.settings.audit.directory
    written = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())

    assert AGENT.id.encode() in written
    assert not [part for part in (token, *token.split(".")) if part.encode() in written]
