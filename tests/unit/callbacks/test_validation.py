"""The verdict: every reason against a token, their order, and the entry in the trail."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.breakage import KEYS, STORE, TRAIL_AWAY, Breakage
from tests.support.fakes import AGENT, CUSTOMER, LOGIN, OTHER_TENANT, START, TENANT, Enterprise
from validator.callbacks.validation import Verdict
from validator.callbacks.wire import Presentation
from validator.errors import PUBLIC_ERROR_OF, Fault, PublicError, Reason, Refusal
from validator.exchange import Exchange
from validator.tenants import RecordStatus
from validator.tokens.claims import Audience, Claims, Subject
from validator.tokens.issuer import TokenIssuer
from validator.tokens.revocation import (
    EVERYTHING,
    subject_target,
    targets_around,
    tenant_target,
    token_target,
)

HERE = Exchange()
EPOCH = 1  # of the person's account, as it was added
SUBJECTS = pytest.mark.parametrize("subject", [AGENT, CUSTOMER], ids=["agent", "customer"])


def issued(enterprise: Enterprise, subject: Subject, epoch: int = EPOCH) -> tuple[Presentation, Claims]:
    """Return the right presentation of a token just issued for *subject*, and its claims."""
    services = enterprise.services
    issuer = TokenIssuer(services.keyring, services.settings.tokens, enterprise.clock)
    revocation = services.subject_states.of(subject, targets_around(subject)).revocation
    token, claims = issuer.issue(subject, epoch, revocation)
    return Presentation(subject.audience, token, subject.tenant, subject.id, subject.name), claims


def judged(enterprise: Enterprise, presentation: Presentation) -> Reason | None:
    return enterprise.services.validation.validate(HERE, lambda: presentation).reason


def unread(enterprise: Enterprise, refusal: Refusal) -> None:
    """Validate a question that cannot be read, because of *refusal*."""

    def read() -> Presentation:
        raise refusal

    with pytest.raises(Refusal) as raised:
        enterprise.services.validation.validate(HERE, read)
    assert raised.value is refusal


@SUBJECTS
def test_right_presentation_is_accepted_again_and_again(enterprise: Enterprise, subject: Subject) -> None:
    """A token with its tenant, subject and name is accepted, as often as the cloud asks."""
    presentation, _ = issued(enterprise, subject)

    assert [judged(enterprise, presentation) for _ in range(3)] == [None] * 3


def test_subject_without_an_account_is_accepted(enterprise: Enterprise) -> None:
    """A customer whom a client asserted needs no account here."""
    presentation, _ = issued(enterprise, Subject(Audience.CHAT, TENANT, "visitor", "Ann"), epoch=0)

    assert judged(enterprise, presentation) is None


@SUBJECTS
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"presented_tenant": OTHER_TENANT}, Reason.TENANT_MISMATCH),
        ({"presented_tenant": f"{TENANT} "}, Reason.TENANT_MISMATCH),
        ({"presented_tenant": f"0{TENANT}"}, Reason.TENANT_MISMATCH),
        ({"presented_subject": "agent-77"}, Reason.SUBJECT_MISMATCH),
        ({"presented_subject": "AGENT-7"}, Reason.SUBJECT_MISMATCH),
        ({"presented_name": "Ann"}, Reason.NAME_MISMATCH),
        ({"presented_name": ""}, Reason.NAME_MISMATCH),
        ({"presented_token": "x"}, Reason.TOKEN_FORGED),
        ({"presented_token": ""}, Reason.TOKEN_FORGED),
    ],
)
def test_wrong_presentation_is_refused(
    enterprise: Enterprise, subject: Subject, changes: dict[str, Any], reason: Reason
) -> None:
    """One thing that is not the token's is the reason against it; put right, the token is accepted."""
    presentation, _ = issued(enterprise, subject)

    assert judged(enterprise, replace(presentation, **changes)) is reason
    assert judged(enterprise, presentation) is None


def test_token_is_good_on_its_own_side_only(enterprise: Enterprise) -> None:
    """An agent's token with an agent's fields is forged to the chat callback, and the other way round."""
    agent, _ = issued(enterprise, AGENT)
    customer, _ = issued(enterprise, CUSTOMER)

    as_customer = replace(customer, presented_token=agent.presented_token)
    as_agent = replace(agent, presented_token=customer.presented_token)

    assert judged(enterprise, as_customer) is Reason.TOKEN_FORGED
    assert judged(enterprise, as_agent) is Reason.TOKEN_FORGED
    assert judged(enterprise, replace(agent, audience=Audience.CHAT)) is Reason.TOKEN_FORGED


@SUBJECTS
def test_each_end_of_a_token(enterprise: Enterprise, subject: Subject) -> None:
    """A disabled tenant, a disabled account, a newer epoch and a revocation each end a token."""
    services = enterprise.services
    presentation, claims = issued(enterprise, subject)

    services.tenants.set_status(TENANT, RecordStatus.DISABLED)
    assert judged(enterprise, presentation) is Reason.TENANT_DISABLED
    services.tenants.set_status(TENANT, RecordStatus.ACTIVE)
    assert judged(enterprise, presentation) is None

    services.revocations.revoke(token_target(TENANT, claims.jti))
    assert judged(enterprise, presentation) is Reason.TOKEN_REVOKED

    presentation, _ = issued(enterprise, subject)
    services.accounts.set_status(LOGIN, RecordStatus.DISABLED)
    assert judged(enterprise, presentation) is Reason.ACCOUNT_DISABLED
    services.accounts.set_status(LOGIN, RecordStatus.ACTIVE)
    assert judged(enterprise, presentation) is Reason.TOKEN_STALE


@SUBJECTS
@pytest.mark.parametrize("kind", ["token", "subject", "tenant", "everything"])
def test_each_revocation_ends_the_token(enterprise: Enterprise, subject: Subject, kind: str) -> None:
    """Whatever is revoked, the tokens in it are refused; one issued after it, at the same instant, is not."""
    presentation, claims = issued(enterprise, subject)
    target = {
        "token": token_target(subject.tenant, claims.jti),
        "subject": subject_target(subject.audience, subject.tenant, subject.id),
        "tenant": tenant_target(subject.tenant),
        "everything": EVERYTHING,
    }[kind]

    enterprise.services.revocations.revoke(target)

    assert judged(enterprise, presentation) is Reason.TOKEN_REVOKED
    assert judged(enterprise, issued(enterprise, subject)[0]) is None


def test_tenant_that_is_gone_is_refused(enterprise: Enterprise) -> None:
    """A token of a tenant that this server does not answer for is refused, however well signed."""
    presentation, _ = issued(enterprise, Subject(Audience.AGENT, "nowhere", "agent-7"))

    assert judged(enterprise, presentation) is Reason.TENANT_UNKNOWN


def test_order_of_reasons(enterprise: Enterprise) -> None:
    """Everything is wrong, and is put right one thing after the other: the reasons come in this order."""
    services, clock = enterprise.services, enterprise.clock
    right, claims = issued(enterprise, CUSTOMER)
    services.revocations.revoke(token_target(TENANT, claims.jti))
    services.accounts.set_status(LOGIN, RecordStatus.DISABLED)
    services.tenants.set_status(TENANT, RecordStatus.DISABLED)
    reasons = []
    presentation = Presentation(Audience.CHAT, "forged", "wrong", "wrong", "wrong")
    repairs: list[Callable[[], object]] = [
        lambda: services.tenants.set_status(TENANT, RecordStatus.ACTIVE),
        lambda: services.accounts.set_status(LOGIN, RecordStatus.ACTIVE),
    ]

    for part in ("presented_token", "presented_tenant", "presented_subject", "presented_name"):
        reasons.append(judged(enterprise, presentation))
        presentation = replace(presentation, **{part: getattr(right, part)})
    for repair in repairs:
        reasons.append(judged(enterprise, presentation))
        repair()
    reasons.append(judged(enterprise, presentation))

    assert reasons == [
        Reason.TOKEN_FORGED,
        Reason.TENANT_MISMATCH,
        Reason.SUBJECT_MISMATCH,
        Reason.NAME_MISMATCH,
        Reason.TENANT_DISABLED,
        Reason.ACCOUNT_DISABLED,
        Reason.TOKEN_STALE,
    ]
    clock.advance(days=1)
    assert judged(enterprise, replace(presentation, presented_tenant="wrong")) is Reason.TOKEN_EXPIRED
    clock.instant = START - timedelta(days=1)
    assert judged(enterprise, replace(presentation, presented_tenant="wrong")) is Reason.TOKEN_NOT_YET_VALID


def test_stale_comes_before_revoked(enterprise: Enterprise) -> None:
    """Of the last two reasons the epoch is the first."""
    stale, _ = issued(enterprise, AGENT, EPOCH + 1)
    current, _ = issued(enterprise, AGENT, EPOCH)

    enterprise.services.revocations.revoke(EVERYTHING)

    assert judged(enterprise, stale) is Reason.TOKEN_STALE
    assert judged(enterprise, current) is Reason.TOKEN_REVOKED


@pytest.mark.parametrize("reason", Reason)
def test_every_refusal_looks_the_same(reason: Reason) -> None:
    """Whatever the reason, the cloud is shown one and the same refusal."""
    assert Verdict(reason).shape == PublicError.VALIDATION_REFUSED.value
    assert Verdict().shape is None


# The trail


def about(entry: dict[str, object]) -> dict[str, object]:
    """Return the members of a verdict's entry, without its time and its place in the trail."""
    names = ("event", "outcome", "reason", "tenant", "subject", "audience", "jti", "by", "detail")
    return {name: entry[name] for name in names if name in entry}


@SUBJECTS
def test_accepted_verdict_is_written_down(enterprise: Enterprise, subject: Subject) -> None:
    """Once a verdict is given its entry is in the file: who, where, for which audience, which token."""
    presentation, claims = issued(enterprise, subject)
    before = len(enterprise.trail())

    judged(enterprise, presentation)

    (entry,) = enterprise.trail()[before:]
    assert about(entry) == {
        "event": "verdict",
        "outcome": "accepted",
        "tenant": subject.tenant,
        "subject": subject.id,
        "audience": subject.audience,
        "jti": claims.jti,
    }


def test_refused_verdict_is_written_down_with_its_reason(enterprise: Enterprise) -> None:
    """A refusal's entry has the exact reason and what was presented, and the jti of a proven token."""
    presentation, claims = issued(enterprise, AGENT)
    before = len(enterprise.trail())

    judged(enterprise, replace(presentation, presented_subject="somebody"))
    judged(enterprise, replace(presentation, presented_token="forged"))

    common = {"event": "verdict", "outcome": "refused", "tenant": TENANT, "audience": "agent"}
    assert [about(entry) for entry in enterprise.trail()[before:]] == [
        {**common, "reason": "subject_mismatch", "subject": "somebody", "jti": claims.jti},
        {**common, "reason": "token_forged", "subject": AGENT.id},
    ]


def test_unreadable_question_is_written_down(enterprise: Enterprise) -> None:
    """A question that could not be read has an entry, too, with what was wrong and no value."""
    before = len(enterprise.trail())

    unread(enterprise, Refusal(Reason.FIELD_INVALID, "Token: missing"))

    (entry,) = enterprise.trail()[before:]
    assert about(entry) == {
        "event": "verdict",
        "outcome": "refused",
        "reason": "field_invalid",
        "detail": "Token: missing",
    }


def test_no_token_is_in_the_trail(enterprise: Enterprise) -> None:
    """Neither an accepted nor a refused token, nor half of one, stands anywhere in the trail's folder."""
    accepted, _ = issued(enterprise, AGENT)
    wrong_side, _ = issued(enterprise, CUSTOMER)
    forged = accepted.presented_token[:-4] + "AAAA"

    judged(enterprise, accepted)
    judged(enterprise, replace(accepted, presented_token=wrong_side.presented_token))
    judged(enterprise, replace(accepted, presented_token=forged))

    folder = enterprise.services.settings.audit.directory
    written = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert AGENT.id.encode() in written
    for token in (accepted.presented_token, wrong_side.presented_token, forged):
        assert not [part for part in (token, *token.split(".")) if part.encode() in written]


def fault_of(enterprise: Enterprise, presentation: Presentation) -> Reason:
    with pytest.raises(Fault) as fault:
        judged(enterprise, presentation)
    return fault.value.reason


@pytest.mark.parametrize("breakage", TRAIL_AWAY.values(), ids=TRAIL_AWAY)
def test_no_trail_no_verdict(enterprise: Enterprise, breakage: Breakage) -> None:
    """While the trail cannot be written there is neither an acceptance nor a refusal, and then there is."""
    presentation, _ = issued(enterprise, AGENT)

    with breakage(enterprise):
        assert fault_of(enterprise, presentation) is Reason.TRAIL_UNAVAILABLE
        forged = replace(presentation, presented_token="forged")
        assert fault_of(enterprise, forged) is Reason.TRAIL_UNAVAILABLE
        with pytest.raises(Fault):
            unread(enterprise, Refusal(Reason.BODY_UNREADABLE))

    assert judged(enterprise, presentation) is None


@pytest.mark.parametrize(
    ("breakage", "reason"),
    [
        *(pytest.param(breakage, Reason.STORE_UNAVAILABLE, id=name) for name, breakage in STORE.items()),
        *(pytest.param(breakage, Reason.KEYS_UNAVAILABLE, id=name) for name, breakage in KEYS.items()),
    ],
)
def test_nothing_known_nothing_accepted(enterprise: Enterprise, breakage: Breakage, reason: Reason) -> None:
    """Without the database or the keys there is no verdict, nor an entry of one; mended, there is."""
    presentation, _ = issued(enterprise, AGENT)

    with breakage(enterprise):
        assert fault_of(enterprise, presentation) is reason
        assert PUBLIC_ERROR_OF[reason] is PublicError.UNAVAILABLE

    assert [entry for entry in enterprise.trail() if entry["event"] == "verdict"] == []
    assert judged(enterprise, presentation) is None


def test_verdict_costs_one_statement(enterprise: Enterprise) -> None:
    """A verdict on a proven token asks the database once, and one on a forged or wrong one never."""
    presentation, _ = issued(enterprise, CUSTOMER)
    revoked, revoked_claims = issued(enterprise, CUSTOMER)
    enterprise.services.revocations.revoke(token_target(TENANT, revoked_claims.jti))
    statements: list[str] = []
    enterprise.services.database.kept.get().set_trace_callback(statements.append)
    for each, expected, cost in [
        (presentation, None, 1),
        (revoked, Reason.TOKEN_REVOKED, 1),
        (replace(presentation, presented_name="Ann"), Reason.NAME_MISMATCH, 0),
        (replace(presentation, presented_token="forged"), Reason.TOKEN_FORGED, 0),
    ]:
        statements.clear()
        assert judged(enterprise, each) is expected
        assert len(statements) == cost
        assert all(statement.startswith("SELECT ") for statement in statements)
