"""Issuance: which principal gets a token for which subject, and what is recorded."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.breakage import KEYS, STORE, TRAIL_AWAY, Breakage
from tests.support.fakes import AGENT, CUSTOMER, LOGIN, OTHER_TENANT, PASSWORD, TENANT, Enterprise
from validator.accounts.identity import Identity
from validator.errors import Fault, Reason, Refusal
from validator.store.known import Known
from validator.tenants import RecordStatus
from validator.tokens.claims import Audience, Subject, TokenRequest
from validator.tokens.issuance import Issuance
from validator.tokens.issuer import TokenIssuer
from validator.tokens.principals import ClientPrincipal, Operator, Person, Principal
from validator.tokens.revocation import targets_around
from validator.tokens.subject_state import SubjectState, SubjectStates

HASH = "not a hash: nobody logs in with it"
AGENT_WISH = TokenRequest(Audience.AGENT, TENANT, AGENT.id)
CHAT_WISH = TokenRequest(Audience.CHAT, TENANT, CUSTOMER.id, CUSTOMER.name)
STRANGER_WISH = TokenRequest(Audience.CHAT, TENANT, "visitor", "Ann")


def person(enterprise: Enterprise) -> Person:
    """Return the person of the session."""
    return Person(enterprise.services.accounts.require(LOGIN))


def backend(enterprise: Enterprise) -> ClientPrincipal:
    """Return the enterprise's authenticated client."""
    return ClientPrincipal(enterprise.services.clients.authenticate(*enterprise.basic))


def last_entry(enterprise: Enterprise) -> dict[str, Any]:
    """Return the last entry of the trail without time and position."""
    names = ("event", "outcome", "reason", "tenant", "subject", "audience", "jti", "by")
    entry = enterprise.trail()[-1]
    return {name: entry[name] for name in names if name in entry}


def assert_issued(
    enterprise: Enterprise, caller: Principal, requested: TokenRequest, subject: Subject
) -> None:
    """Fail unless *requested* yields an accepted token for *subject*, and its entry."""
    services = enterprise.services

    token, claims = services.issuance.issue(caller, requested)

    assert claims.subject == subject
    assert services.verifier.verify(token, subject.audience) == claims
    services.subject_states.check(claims)
    assert last_entry(enterprise) == {
        "event": "token_issued",
        "outcome": "accepted",
        "tenant": subject.tenant,
        "subject": subject.id,
        "audience": subject.audience,
        "jti": claims.jti,
        "by": caller.label,
    }
    assert token not in str(enterprise.trail())


def assert_refused(
    enterprise: Enterprise, caller: Principal, requested: TokenRequest, reason: Reason
) -> None:
    """Fail unless *requested* is refused for *reason*, and the entry has both."""
    before = len(enterprise.trail())

    with pytest.raises(Refusal) as refused:
        enterprise.services.issuance.issue(caller, requested)

    asked = {"tenant": requested.tenant, "subject": requested.id}
    assert refused.value.reason is reason
    assert len(enterprise.trail()) == before + 1
    assert last_entry(enterprise) == {
        "event": "token_issued",
        "outcome": "refused",
        "reason": reason,
        "audience": requested.audience,
        "by": caller.label,
        **{name: value for name, value in asked.items() if value is not None},
    }


# A person


@pytest.mark.parametrize(
    ("requested", "subject"),
    [
        (TokenRequest(Audience.AGENT), AGENT),
        (TokenRequest(Audience.AGENT, TENANT), AGENT),
        (TokenRequest(Audience.AGENT, None, AGENT.id), AGENT),
        (AGENT_WISH, AGENT),
        (TokenRequest(Audience.CHAT), CUSTOMER),
        (TokenRequest(Audience.CHAT, None, None, CUSTOMER.name), CUSTOMER),
        (CHAT_WISH, CUSTOMER),
    ],
)
def test_person_gets_a_token_for_their_identity(
    enterprise: Enterprise, requested: TokenRequest, subject: Subject
) -> None:
    """A person gets a token for their identity, named or left out, for each audience."""
    assert_issued(enterprise, person(enterprise), requested, subject)


@pytest.mark.parametrize(
    "requested",
    [
        TokenRequest(Audience.AGENT, OTHER_TENANT),
        TokenRequest(Audience.AGENT, TENANT, "agent-8"),
        TokenRequest(Audience.AGENT, TENANT, AGENT.id.upper()),
        TokenRequest(Audience.AGENT, TENANT, CUSTOMER.id),
        TokenRequest(Audience.CHAT, TENANT, AGENT.id),
        TokenRequest(Audience.CHAT, None, "customer-8"),
        TokenRequest(Audience.CHAT, None, None, "Ann"),
        TokenRequest(Audience.CHAT, TENANT, CUSTOMER.id, "Ann"),
        TokenRequest(Audience.CHAT, OTHER_TENANT, CUSTOMER.id, CUSTOMER.name),
    ],
)
def test_person_gets_no_token_for_another_person(enterprise: Enterprise, requested: TokenRequest) -> None:
    """A person who names another identity is refused."""
    assert_refused(enterprise, person(enterprise), requested, Reason.SUBJECT_NOT_OWN)


@pytest.mark.parametrize(
    ("identity", "audience"),
    [
        (Identity(), Audience.AGENT),
        (Identity(), Audience.CHAT),
        (Identity(user_account="agent-9"), Audience.CHAT),
        (Identity(user_id="customer-9", user_name="Nine"), Audience.AGENT),
    ],
)
def test_person_without_an_identity_is_refused(
    enterprise: Enterprise, identity: Identity, audience: Audience
) -> None:
    """A person who is not an agent gets no agent's token; the same for a customer."""
    account = enterprise.services.accounts.add("nine", TENANT, HASH, identity)

    assert_refused(enterprise, Person(account), TokenRequest(audience), Reason.IDENTITY_MISSING)
    assert_refused(
        enterprise, Person(account), TokenRequest(audience, TENANT, "x", "y"), Reason.IDENTITY_MISSING
    )


def linked_person(enterprise: Enterprise, identity: Identity, *codes: str) -> Person:
    """Return another person with *identity*, linked to the cloud's accounts *codes*."""
    services = enterprise.services
    account = services.accounts.add("nine", TENANT, HASH, identity)
    for code in codes:
        services.links.add(account.id, TENANT, code)
    return Person(account, services.links.of(account.id))


@pytest.mark.parametrize(
    ("own", "codes", "wished", "given"),
    [
        ("agent-9", ("11", "12"), None, "agent-9"),
        ("agent-9", ("11", "12"), "agent-9", "agent-9"),
        ("agent-9", ("11", "12"), "12", "12"),
        (None, ("11", "12"), "12", "12"),
        (None, ("11",), None, "11"),
        (None, ("11",), "11", "11"),
    ],
)
def test_person_gets_a_token_for_a_linked_agent(
    enterprise: Enterprise, own: str | None, codes: tuple[str, ...], wished: str | None, given: str
) -> None:
    """A person may name a linked agent; the default is their identity, or the only link."""
    caller = linked_person(enterprise, Identity(user_account=own), *codes)

    assert_issued(
        enterprise, caller, TokenRequest(Audience.AGENT, None, wished), Subject(Audience.AGENT, TENANT, given)
    )


@pytest.mark.parametrize(
    ("own", "codes", "requested", "reason"),
    [
        ("agent-9", ("11",), TokenRequest(Audience.AGENT, None, "12"), Reason.SUBJECT_NOT_OWN),
        ("agent-9", ("11",), TokenRequest(Audience.AGENT, None, AGENT.id), Reason.SUBJECT_NOT_OWN),
        (None, ("11",), TokenRequest(Audience.AGENT, None, "12"), Reason.SUBJECT_NOT_OWN),
        (None, ("11", "12"), TokenRequest(Audience.AGENT, None, "13"), Reason.SUBJECT_NOT_OWN),
        (None, ("11", "12"), TokenRequest(Audience.AGENT, OTHER_TENANT, "11"), Reason.SUBJECT_NOT_OWN),
        (None, ("11", "12"), TokenRequest(Audience.AGENT), Reason.REQUEST_INVALID),
        (None, (), TokenRequest(Audience.AGENT, None, "11"), Reason.IDENTITY_MISSING),
        (None, ("11",), TokenRequest(Audience.CHAT, None, "11"), Reason.IDENTITY_MISSING),
    ],
)
def test_person_gets_no_token_for_an_unlinked_agent(
    enterprise: Enterprise, own: str | None, codes: tuple[str, ...], requested: TokenRequest, reason: Reason
) -> None:
    """A code that is not linked to the person is refused, and so is an ambiguous request."""
    assert_refused(
        enterprise, linked_person(enterprise, Identity(user_account=own), *codes), requested, reason
    )


def test_removed_link_yields_no_token(enterprise: Enterprise) -> None:
    """A link that was removed after authentication yields no token (TOCTOU)."""
    caller = linked_person(enterprise, Identity(), "11")
    requested = TokenRequest(Audience.AGENT, None, "11")
    assert enterprise.services.issuance.issue(caller, requested)

    enterprise.services.links.remove(caller.account.id, TENANT, "11")

    assert_refused(enterprise, caller, requested, Reason.SUBJECT_NOT_OWN)


def test_moved_link_yields_no_token(enterprise: Enterprise) -> None:
    """A link that was moved to another person after authentication yields no token (TOCTOU)."""
    services, caller = enterprise.services, linked_person(enterprise, Identity(), "11")
    other = services.accounts.add("ten", TENANT, HASH, Identity())

    services.links.remove(caller.account.id, TENANT, "11")
    services.links.add(other.id, TENANT, "11")

    assert_refused(enterprise, caller, TokenRequest(Audience.AGENT, None, "11"), Reason.SUBJECT_NOT_OWN)
    assert services.issuance.issue(Person(other, ("11",)), TokenRequest(Audience.AGENT))


@pytest.mark.parametrize(
    "requested", [TokenRequest(Audience.AGENT), TokenRequest(Audience.CHAT)], ids=["agent", "customer"]
)
def test_person_from_before_a_password_change_gets_no_token(
    enterprise: Enterprise, requested: TokenRequest
) -> None:
    """A person authenticated before the password changed gets no token (TOCTOU)."""
    caller, accounts = person(enterprise), enterprise.services.accounts

    accounts.set_password(accounts.require(LOGIN), HASH)

    assert_refused(enterprise, caller, requested, Reason.SESSION_ENDED)


def test_persons_token_has_the_current_epoch(enterprise: Enterprise) -> None:
    """A token carries the account's current epoch, and is stale after the next password change."""
    services = enterprise.services
    _, claims = services.issuance.issue(person(enterprise), TokenRequest(Audience.AGENT))
    services.accounts.set_password(services.accounts.require(LOGIN), HASH)
    _, newer = services.issuance.issue(person(enterprise), TokenRequest(Audience.AGENT))

    assert (claims.epoch, newer.epoch) == (1, 2)
    services.subject_states.check(newer)
    with pytest.raises(Refusal, match=Reason.TOKEN_STALE):
        services.subject_states.check(claims)


# A backend client


@pytest.mark.parametrize(
    "subject",
    [
        AGENT,
        CUSTOMER,
        Subject(Audience.AGENT, TENANT, "somebody"),
        Subject(Audience.CHAT, TENANT, "visitor", "Ann"),
        Subject(Audience.CHAT, TENANT, AGENT.id, "Ann"),
    ],
)
def test_client_names_the_subject(enterprise: Enterprise, subject: Subject) -> None:
    """A client gets a token for any subject of its tenant, with or without an account here."""
    requested = TokenRequest(subject.audience, subject.tenant, subject.id, subject.name)

    assert_issued(enterprise, backend(enterprise), requested, subject)


@pytest.mark.parametrize(
    "requested",
    [
        TokenRequest(Audience.AGENT),
        TokenRequest(Audience.AGENT, TENANT),
        TokenRequest(Audience.AGENT, None, AGENT.id),
        TokenRequest(Audience.CHAT),
        TokenRequest(Audience.CHAT, TENANT, CUSTOMER.id),
        TokenRequest(Audience.CHAT, TENANT, None, CUSTOMER.name),
        TokenRequest(Audience.CHAT, None, CUSTOMER.id, CUSTOMER.name),
    ],
)
def test_client_must_name_the_complete_subject(enterprise: Enterprise, requested: TokenRequest) -> None:
    """A client's request has no defaults."""
    assert_refused(enterprise, backend(enterprise), requested, Reason.REQUEST_INVALID)


def test_client_is_limited_to_its_tenants(enterprise: Enterprise) -> None:
    """Another tenant, known or unknown, is refused in the same way."""
    for tenant in (OTHER_TENANT, "nowhere", TENANT[:-1], f"{TENANT} "):
        requested = replace(AGENT_WISH, tenant=tenant)
        assert_refused(enterprise, backend(enterprise), requested, Reason.TENANT_NOT_GRANTED)


def test_client_is_limited_to_its_audiences(enterprise: Enterprise) -> None:
    """A client for the chat only gets no agent's token."""
    client, _ = enterprise.services.clients.add("shop", [TENANT], [Audience.CHAT])

    assert_refused(enterprise, ClientPrincipal(client), AGENT_WISH, Reason.AUDIENCE_NOT_GRANTED)
    assert_issued(enterprise, ClientPrincipal(client), CHAT_WISH, CUSTOMER)


def test_client_cannot_rename_a_customer(enterprise: Enterprise) -> None:
    """A customer with an account here has its name; one without has the requested name."""
    renamed = replace(CHAT_WISH, name="Ann")

    assert_refused(enterprise, backend(enterprise), renamed, Reason.SUBJECT_NOT_OWN)
    assert_issued(
        enterprise, backend(enterprise), STRANGER_WISH, Subject(Audience.CHAT, TENANT, "visitor", "Ann")
    )


# An operator


@pytest.mark.parametrize("subject", [AGENT, CUSTOMER, Subject(Audience.AGENT, OTHER_TENANT, "somebody")])
def test_operator_names_any_subject(enterprise: Enterprise, subject: Subject) -> None:
    """An operator gets a token for any subject of an existing tenant."""
    requested = TokenRequest(subject.audience, subject.tenant, subject.id, subject.name)

    assert_issued(enterprise, Operator(), requested, subject)


def test_operator_cannot_contradict_the_database(enterprise: Enterprise) -> None:
    """Not even an operator gets a token for an unknown tenant or another name than the account's."""
    unknown = replace(AGENT_WISH, tenant="nowhere")

    assert_refused(enterprise, Operator(), unknown, Reason.TENANT_UNKNOWN)
    assert_refused(enterprise, Operator(), replace(CHAT_WISH, name="Ann"), Reason.SUBJECT_NOT_OWN)


def test_operators_label() -> None:
    """The trail names an operator by the given label."""
    assert Operator().label == "operator"
    assert Operator("operator:root").label == "operator:root"


def test_labels_of_callers(enterprise: Enterprise) -> None:
    """The trail names a person by login name and a client by id."""
    assert person(enterprise).label == f"account:{LOGIN}"
    assert backend(enterprise).label == f"client:{enterprise.basic[0]}"


# Any caller

CALLERS = pytest.mark.parametrize("who", ["person", "backend", "operator"])


def caller_named(enterprise: Enterprise, who: str) -> Principal:
    authentication: dict[str, Principal] = {
        "person": person(enterprise),
        "backend": backend(enterprise),
        "operator": Operator(),
    }
    return authentication[who]


@CALLERS
@pytest.mark.parametrize("requested", [AGENT_WISH, CHAT_WISH], ids=["agent", "customer"])
def test_disabled_account_gets_no_token(enterprise: Enterprise, who: str, requested: TokenRequest) -> None:
    """No caller gets a token for a disabled account, every caller again once it is enabled."""
    caller = caller_named(enterprise, who)
    enterprise.services.accounts.set_status(LOGIN, RecordStatus.DISABLED)
    assert_refused(enterprise, caller, requested, Reason.ACCOUNT_DISABLED)

    enterprise.services.accounts.set_status(LOGIN, RecordStatus.ACTIVE)
    assert enterprise.services.issuance.issue(caller_named(enterprise, who), requested)


@CALLERS
def test_disabled_tenant_gets_no_token(enterprise: Enterprise, who: str) -> None:
    """No caller gets a token for a disabled tenant."""
    enterprise.services.tenants.set_status(TENANT, RecordStatus.DISABLED)

    assert_refused(enterprise, caller_named(enterprise, who), AGENT_WISH, Reason.TENANT_DISABLED)


@CALLERS
def test_earlier_revocation_does_not_affect_a_new_token(enterprise: Enterprise, who: str) -> None:
    """A token issued after a revocation at the same instant is valid."""
    services = enterprise.services
    services.revocations.revoke("all")

    _, claims = services.issuance.issue(caller_named(enterprise, who), AGENT_WISH)

    services.subject_states.check(claims)


CLOCKS = pytest.mark.parametrize(
    "difference",
    [timedelta(0), timedelta(seconds=30), timedelta(seconds=-30), timedelta(hours=1), timedelta(hours=-1)],
    ids=["none", "leeway ahead", "leeway behind", "hour ahead", "hour behind"],
)


def targets_by_name() -> dict[str, str]:
    return dict(zip(("subject", "tenant", "everything"), targets_around(AGENT), strict=True))


@CLOCKS
@pytest.mark.parametrize("target", ["subject", "tenant", "everything"])
def test_token_issued_right_after_a_revocation_is_valid(
    enterprise: Enterprise, target: str, difference: timedelta
) -> None:
    """A new token outlives every earlier revocation, even on a node with another clock."""
    services, instant = enterprise.services, enterprise.clock.instant
    enterprise.clock.instant = instant + difference
    services.revocations.revoke(targets_by_name()[target])
    enterprise.clock.instant = instant

    token, claims = services.issuance.issue(person(enterprise), AGENT_WISH)

    services.subject_states.check(claims)
    assert (claims.issued_at, claims.expires_at) == (
        instant,
        instant + services.settings.tokens.agent_lifetime,
    )
    for leeway in (timedelta(0), -services.settings.tokens.leeway, services.settings.tokens.leeway):
        enterprise.clock.instant = instant + leeway
        assert services.verifier.verify(token, Audience.AGENT) == claims


@CLOCKS
@pytest.mark.parametrize("first", ["subject", "tenant", "everything"])
@pytest.mark.parametrize("second", ["subject", "tenant", "everything"])
def test_revoking_again_ends_what_was_issued_since(
    enterprise: Enterprise, first: str, second: str, difference: timedelta
) -> None:
    """A second revocation revokes tokens issued since, at the same instant or by another clock."""
    services = enterprise.services
    services.revocations.revoke(targets_by_name()[first])
    _, claims = services.issuance.issue(person(enterprise), AGENT_WISH)
    services.subject_states.check(claims)

    enterprise.clock.instant += difference
    services.revocations.revoke(targets_by_name()[second])

    with pytest.raises(Refusal, match=Reason.TOKEN_REVOKED):
        services.subject_states.check(claims)


class RevokingSubjectStates(SubjectStates):
    """Subject states that revoke a target after every read."""

    def __init__(self, enterprise: Enterprise, target: str) -> None:
        super().__init__(enterprise.services.database)
        self._revocations, self._target = enterprise.services.revocations, target

    def of(self, subject: Subject, targets: tuple[str, ...] = (), known: Known | None = None) -> SubjectState:
        """Return the state of *subject* just before the revocation."""
        state = super().of(subject, targets, known)
        self._revocations.revoke(self._target)
        return state


@pytest.mark.parametrize("target", ["subject", "tenant", "everything"])
def test_revocation_during_issuance_revokes_the_token(enterprise: Enterprise, target: str) -> None:
    """A token whose state was read before and which is signed after a revocation is revoked."""
    services = enterprise.services
    issuer = TokenIssuer(services.keyring, services.settings.tokens, enterprise.clock)
    subject_states = RevokingSubjectStates(enterprise, targets_by_name()[target])
    issuance = Issuance(
        issuer, subject_states, services.rate_limits, services.trail, services.settings.webchat.is_reserved
    )

    _, claims = issuance.issue(person(enterprise), AGENT_WISH)

    with pytest.raises(Refusal, match=Reason.TOKEN_REVOKED):
        services.subject_states.check(claims)
    services.subject_states.check(services.issuance.issue(person(enterprise), AGENT_WISH)[1])


def test_no_caller_gets_a_token_for_a_guests_id(enterprise: Enterprise) -> None:
    """A customer's id must not begin with the guests' prefix, for any caller; an agent's may."""
    services = enterprise.services
    (client,) = services.clients.list()

    for caller in (ClientPrincipal(client), Operator()):
        for user_id in ("guest-1", "GUEST-1"):
            with pytest.raises(Refusal, match="begins like the ids of guests"):
                services.issuance.issue(caller, TokenRequest(Audience.CHAT, TENANT, user_id, "Ann"))
        services.issuance.issue(caller, TokenRequest(Audience.AGENT, TENANT, "guest-relations"))
        services.issuance.issue(caller, TokenRequest(Audience.CHAT, TENANT, "a-guest-1", "Ann"))


EVERY_OUTAGE = [
    *(pytest.param(breakage, Reason.KEYS_UNAVAILABLE, id=name) for name, breakage in KEYS.items()),
    *(pytest.param(breakage, Reason.STORE_UNAVAILABLE, id=name) for name, breakage in STORE.items()),
    *(pytest.param(breakage, Reason.TRAIL_UNAVAILABLE, id=name) for name, breakage in TRAIL_AWAY.items()),
]


@pytest.mark.parametrize(("breakage", "reason"), EVERY_OUTAGE)
def test_nothing_is_issued_without_a_dependency(
    enterprise: Enterprise, breakage: Breakage, reason: Reason
) -> None:
    """Without keys, database or trail issuance is a fault without a token; later it works again."""
    caller = person(enterprise)

    with breakage(enterprise):
        with pytest.raises(Fault) as fault:
            enterprise.services.issuance.issue(caller, AGENT_WISH)
        assert fault.value.reason is reason

    assert [entry for entry in enterprise.trail() if entry["event"] == "token_issued"] == []
    assert_issued(enterprise, caller, AGENT_WISH, AGENT)


@pytest.mark.parametrize("breakage", TRAIL_AWAY.values(), ids=TRAIL_AWAY)
def test_refusal_needs_the_trail_too(enterprise: Enterprise, breakage: Breakage) -> None:
    """A refusal that cannot be recorded is a fault, so that no request goes unnoticed."""
    caller = backend(enterprise)

    with breakage(enterprise), pytest.raises(Fault) as fault:
        enterprise.services.issuance.issue(caller, replace(AGENT_WISH, tenant=OTHER_TENANT))

    assert fault.value.reason is Reason.TRAIL_UNAVAILABLE


def test_callers_repr_has_no_secret(enterprise: Enterprise) -> None:
    """The repr of a caller has neither a password hash nor a secret's digest."""
    account, client = person(enterprise).account, backend(enterprise).client

    shown = repr(Person(account)) + repr(ClientPrincipal(client))

    assert account.password_hash not in shown
    assert client.secret_digest not in shown
    assert PASSWORD not in shown
