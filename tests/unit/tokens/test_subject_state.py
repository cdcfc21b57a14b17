"""The state of a subject: every combination, on both databases, by one read-only statement."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest

from tests.support.fakes import AGENT, CUSTOMER, OTHER_TENANT, START, TENANT, FakeClock
from validator.accounts.account import Accounts
from validator.accounts.identity import Identity
from validator.accounts.links import Links
from validator.errors import Fault, Reason, Refusal
from validator.store import schema
from validator.store.database import Database, DatabasePolicy
from validator.tenants import RecordStatus, Tenants
from validator.tokens.claims import Audience, Claims, Subject
from validator.tokens.revocation import (
    ENDLESS,
    EVERYTHING,
    Revocations,
    subject_target,
    targets_around,
    targets_of,
    tenant_target,
    token_target,
)
from validator.tokens.subject_state import NO_REVOCATION, SubjectState, SubjectStates

TIMEOUT = timedelta(seconds=5)
LOGIN = "li.wei"
IDENTITY = Identity(AGENT.id, CUSTOMER.id, CUSTOMER.name)
HASH = "not a hash: nobody logs in here"
SUBJECTS = pytest.mark.parametrize("subject", [AGENT, CUSTOMER], ids=["agent", "customer"])


def claims_of(subject: Subject = AGENT, epoch: int = 1, revocation: int = NO_REVOCATION) -> Claims:
    return Claims("jti-1", subject, epoch, revocation, START, START + timedelta(minutes=10))


def reason_of(state: SubjectState, claims: Claims) -> Reason | None:
    """Return why *claims* are refused by *state*, or None."""
    try:
        state.check(claims)
    except Refusal as refusal:
        return refusal.reason
    return None


# Decision on a state

STATES = (None, RecordStatus.ACTIVE, RecordStatus.DISABLED)
KNOWN = 7  # the last revocation's number when the token was issued
REVOCATIONS = (NO_REVOCATION, KNOWN - 1, KNOWN, KNOWN + 1, ENDLESS)
COMBINATIONS = list(product(STATES, STATES, (0, 1, 2), REVOCATIONS))


def expected(
    tenant: RecordStatus | None, account: RecordStatus | None, epoch: int, revocation: int
) -> Reason | None:
    """Return the first reason against a token of epoch 1 that knows the revocations so far."""
    reasons = {
        Reason.TENANT_UNKNOWN: tenant is None,
        Reason.TENANT_DISABLED: tenant is RecordStatus.DISABLED,
        Reason.ACCOUNT_DISABLED: account is RecordStatus.DISABLED,
        Reason.TOKEN_STALE: epoch in (0, 2),
        Reason.TOKEN_REVOKED: revocation in (KNOWN + 1, ENDLESS),
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


@pytest.mark.parametrize(("tenant", "account", "epoch", "revocation"), COMBINATIONS)
def test_every_combination(
    tenant: RecordStatus | None, account: RecordStatus | None, epoch: int, revocation: int
) -> None:
    """Tenant, account, epoch and revocation are checked in this order, and each can refuse a token."""
    state = SubjectState(tenant, account, None, epoch, revocation, KNOWN)

    refused = reason_of(state, claims_of(revocation=KNOWN))

    assert refused is expected(tenant, account, epoch, revocation)


def test_combinations_cover_every_outcome() -> None:
    """Each reason, and acceptance, results from some of the combinations above."""
    assert {expected(*combination) for combination in COMBINATIONS} == {
        None,
        Reason.TENANT_UNKNOWN,
        Reason.TENANT_DISABLED,
        Reason.ACCOUNT_DISABLED,
        Reason.TOKEN_STALE,
        Reason.TOKEN_REVOKED,
    }


# Reading


@dataclass(frozen=True)
class Registry:
    """A database with two tenants and one account, and its changes."""

    database: Database
    clock: FakeClock
    tenants: Tenants
    accounts: Accounts
    revocations: Revocations
    subject_states: SubjectStates

    def reason(self, claims: Claims) -> Reason | None:
        """Return why a token with *claims* is refused, or None."""
        try:
            self.subject_states.check(claims)
        except Refusal as refusal:
            return refusal.reason
        return None


def registry_in(database: Database) -> Registry:
    """Return the registry in *database*, which is empty and has the newest schema."""
    clock = FakeClock()
    tenants = Tenants(database, clock)
    accounts = Accounts(database, tenants, clock, lambda user_id: user_id.startswith("guest-"))
    tenants.add(TENANT, "First")
    tenants.add(OTHER_TENANT, "Second")
    accounts.add(LOGIN, TENANT, HASH, IDENTITY)
    revocations = Revocations(database, clock)
    return Registry(database, clock, tenants, accounts, revocations, SubjectStates(database))


@pytest.fixture
def registry(database: Database) -> Registry:
    return registry_in(database)


@SUBJECTS
def test_state_of_an_account(registry: Registry, subject: Subject) -> None:
    """The whole state of a subject with an account is read at once."""
    state = registry.subject_states.of(subject)

    account = registry.accounts.require(LOGIN).id
    assert state == SubjectState(
        RecordStatus.ACTIVE, RecordStatus.ACTIVE, CUSTOMER.name, 1, NO_REVOCATION, 0, account
    )


@pytest.mark.parametrize("audience", Audience)
def test_state_without_an_account(registry: Registry, audience: Audience) -> None:
    """A subject without an account has only its tenant's state, with epoch 0."""
    name = "Ann" if audience is Audience.CHAT else None

    state = registry.subject_states.of(Subject(audience, TENANT, "stranger", name))

    assert state == SubjectState(RecordStatus.ACTIVE, None, None, 0, NO_REVOCATION, 0)


def test_state_in_an_unknown_tenant(registry: Registry) -> None:
    """In an unknown tenant no subject is known, even if the id exists elsewhere."""
    registry.revocations.revoke(EVERYTHING)
    nobody = Subject(Audience.AGENT, "nowhere", AGENT.id)

    assert registry.subject_states.of(nobody, (EVERYTHING,)) == SubjectState(
        None, None, None, 0, NO_REVOCATION, 0
    )


@pytest.mark.parametrize(
    "subject",
    [
        Subject(Audience.AGENT, OTHER_TENANT, AGENT.id),
        Subject(Audience.AGENT, TENANT, AGENT.id.upper()),
        Subject(Audience.AGENT, TENANT, f"{AGENT.id} "),
        Subject(Audience.AGENT, TENANT, "agent-_"),
        Subject(Audience.AGENT, TENANT, "agent-%"),
        Subject(Audience.AGENT, TENANT, CUSTOMER.id),
        Subject(Audience.CHAT, TENANT, AGENT.id, CUSTOMER.name),
        Subject(Audience.AGENT, TENANT, LOGIN),
    ],
    ids=repr,
)
def test_another_subject_is_not_the_account(registry: Registry, subject: Subject) -> None:
    """An account matches its tenant and exact ids only, for its audience."""
    assert registry.subject_states.of(subject).account_status is None


@SUBJECTS
def test_disabled_account_ends_its_tokens(registry: Registry, subject: Subject) -> None:
    """Disabling an account permanently ends its tokens; tokens issued once it is enabled are valid."""
    assert registry.reason(claims_of(subject)) is None

    registry.accounts.set_status(LOGIN, RecordStatus.DISABLED)
    assert registry.reason(claims_of(subject)) is Reason.ACCOUNT_DISABLED

    registry.accounts.set_status(LOGIN, RecordStatus.ACTIVE)
    assert registry.reason(claims_of(subject)) is Reason.TOKEN_STALE
    epoch = registry.subject_states.of(subject).epoch
    assert registry.reason(claims_of(subject, epoch)) is None


@SUBJECTS
def test_changed_password_ends_older_tokens(registry: Registry, subject: Subject) -> None:
    """A new password makes earlier tokens stale, for both audiences."""
    registry.accounts.set_password(registry.accounts.require(LOGIN), HASH)

    assert registry.reason(claims_of(subject, epoch=1)) is Reason.TOKEN_STALE
    assert registry.reason(claims_of(subject, epoch=2)) is None


def test_account_added_later_ends_a_clients_token(registry: Registry) -> None:
    """A client's token for a subject without an account is stale once it has one."""
    subject = Subject(Audience.AGENT, OTHER_TENANT, "agent-9")
    assert registry.reason(claims_of(subject, epoch=0)) is None

    registry.accounts.add("nine", OTHER_TENANT, HASH, Identity("agent-9"))

    assert registry.reason(claims_of(subject, epoch=0)) is Reason.TOKEN_STALE


LINKED = Subject(Audience.AGENT, TENANT, "agent-8")


def linked(registry: Registry) -> Links:
    """Link another of the cloud's accounts to the account, and return the table."""
    links = Links(registry.database, registry.clock)
    links.add(registry.accounts.require(LOGIN).id, TENANT, LINKED.id)
    return links


def test_linked_agent_has_the_accounts_state(registry: Registry) -> None:
    """A linked agent is disabled, stale and enabled with the account."""
    assert registry.subject_states.of(LINKED).account_status is None
    linked(registry)
    assert registry.subject_states.of(LINKED) == registry.subject_states.of(AGENT)
    assert registry.reason(claims_of(LINKED)) is None
    assert registry.reason(claims_of(LINKED, epoch=0)) is Reason.TOKEN_STALE

    registry.accounts.set_status(LOGIN, RecordStatus.DISABLED)
    assert registry.reason(claims_of(LINKED)) is Reason.ACCOUNT_DISABLED
    registry.accounts.set_status(LOGIN, RecordStatus.ACTIVE)
    assert registry.reason(claims_of(LINKED)) is Reason.TOKEN_STALE
    registry.accounts.set_password(registry.accounts.require(LOGIN), HASH)
    assert registry.reason(claims_of(LINKED, epoch=2)) is Reason.TOKEN_STALE
    assert registry.reason(claims_of(LINKED, epoch=3)) is None


def test_link_of_another_tenant_is_ignored(registry: Registry) -> None:
    """The same code in another tenant has no account."""
    linked(registry)

    assert registry.subject_states.of(replace(LINKED, tenant=OTHER_TENANT)).account_status is None


def test_removed_link_makes_its_tokens_stale(registry: Registry) -> None:
    """Without the link its tokens are stale; the account's others are valid."""
    links = linked(registry)
    assert registry.reason(claims_of(LINKED)) is None

    links.remove(registry.accounts.require(LOGIN).id, TENANT, LINKED.id)

    assert registry.reason(claims_of(LINKED)) is Reason.TOKEN_STALE
    assert registry.reason(claims_of(AGENT)) is None


@SUBJECTS
def test_disabled_tenants_tokens_are_refused(registry: Registry, subject: Subject) -> None:
    """A disabled tenant's tokens are refused until it is enabled; another tenant's are valid."""
    registry.tenants.set_status(TENANT, RecordStatus.DISABLED)

    assert registry.reason(claims_of(subject)) is Reason.TENANT_DISABLED
    assert registry.reason(claims_of(Subject(Audience.AGENT, OTHER_TENANT, "x"), epoch=0)) is None
    registry.tenants.set_status(TENANT, RecordStatus.ACTIVE)
    assert registry.reason(claims_of(subject)) is None


@SUBJECTS
@pytest.mark.parametrize("which", range(4), ids=["token", "subject", "tenant", "everything"])
def test_each_revocation_is_read(registry: Registry, subject: Subject, which: int) -> None:
    """The same query finds a revocation of any of a token's four targets."""
    claims = claims_of(subject)

    registry.revocations.revoke(targets_of(claims)[which])

    assert registry.reason(claims) is Reason.TOKEN_REVOKED
    assert registry.subject_states.of(subject, targets_of(claims)).revocation > NO_REVOCATION
    assert registry.subject_states.of(subject).revocation == NO_REVOCATION


def test_revocations_of_others_are_ignored(registry: Registry) -> None:
    """Revocations of others do not affect this token."""
    for target in (
        token_target(TENANT, "jti-2"),
        token_target(OTHER_TENANT, "jti-1"),
        subject_target(Audience.CHAT, TENANT, AGENT.id),
        subject_target(Audience.AGENT, OTHER_TENANT, AGENT.id),
        tenant_target(OTHER_TENANT),
    ):
        registry.revocations.revoke(target)

    assert registry.reason(claims_of()) is None


@pytest.mark.parametrize("minutes", [0, 5, -5], ids=["same instant", "later", "clock set back"])
@pytest.mark.parametrize("last", range(3), ids=["subject", "tenant", "everything"])
def test_last_revocation_counts(registry: Registry, last: int, minutes: int) -> None:
    """Of the revocations of subject, tenant and everything the last one counts, whatever the clock."""
    targets = targets_around(AGENT)
    for target in (*targets[:last], *targets[last + 1 :]):
        registry.revocations.revoke(target)
    before = registry.subject_states.of(AGENT, targets).revocation
    assert registry.reason(claims_of(revocation=before)) is None

    registry.clock.advance(minutes=minutes)
    registry.revocations.revoke(targets[last])

    after = registry.subject_states.of(AGENT, targets).revocation
    assert after > before
    assert registry.reason(claims_of(revocation=before)) is Reason.TOKEN_REVOKED
    assert registry.reason(claims_of(revocation=after - 1)) is Reason.TOKEN_REVOKED
    assert registry.reason(claims_of(revocation=after)) is None


@pytest.mark.parametrize("which", range(4), ids=["token", "subject", "tenant", "everything"])
def test_token_revoked_by_its_jti_stays_revoked(registry: Registry, which: int) -> None:
    """A token revoked by jti stays so, whatever else is revoked before or after."""
    targets = targets_of(claims_of())
    for target in (*targets[which:], *targets[:which]):
        registry.clock.advance(minutes=1)
        registry.revocations.revoke(target)

    for known in (
        NO_REVOCATION,
        registry.subject_states.of(AGENT, targets_around(AGENT)).revocation,
        ENDLESS - 1,
    ):
        assert registry.reason(claims_of(revocation=known)) is Reason.TOKEN_REVOKED


def test_without_targets_no_revocation_is_read(registry: Registry) -> None:
    """Earlier revocations do not affect a new token."""
    registry.revocations.revoke(EVERYTHING)

    assert registry.subject_states.of(AGENT).revocation == NO_REVOCATION


@SUBJECTS
def test_no_target_is_left_out(registry: Registry, subject: Subject) -> None:
    """More targets than the query's parameters are an error, not an incomplete result."""
    with pytest.raises(ValueError, match="too many"):
        registry.subject_states.of(subject, (*targets_of(claims_of(subject)), "one more"))


# Cost


def test_sqlite_executes_one_statement(tmp_path: Path) -> None:
    """Each check executes exactly one SELECT, without a transaction."""
    heard: list[str] = []
    with migrated(tmp_path, "sqlite:///validator.db") as database:
        registry = registry_in(database)
        database.kept.get().set_trace_callback(heard.append)

        assert registry.reason(claims_of()) is None
        registry.reason(claims_of(CUSTOMER))
        registry.reason(claims_of(Subject(Audience.AGENT, "nowhere", "x")))
        registry.subject_states.of(AGENT)

    assert [statement.split()[0] for statement in heard] == ["SELECT"] * 4


def test_postgresql_needs_one_round_trip(tmp_path: Path, postgres_database: str) -> None:
    """PostgreSQL gets one query and returns one response, the first and the hundredth time."""
    with migrated(tmp_path, postgres_database) as database, tempfile.TemporaryFile("w+") as wire:
        registry = registry_in(database)
        for _ in range(10):  # the driver prepares a repeated statement
            registry.reason(claims_of())
        driver = database.kept.get()
        driver.pgconn.trace(wire.fileno())

        for _ in range(100):
            assert registry.reason(claims_of()) is None

        driver.pgconn.untrace()
        wire.seek(0)
        messages = [line.split("\t") for line in wire]

    kinds = [(message[1], message[3].strip()) for message in messages]
    assert kinds.count(("B", "ReadyForQuery")) == 100
    assert kinds.count(("F", "Sync")) == 100
    assert not {("F", "Query"), ("F", "Parse")} & set(kinds)


@contextmanager
def migrated(home: Path, url: str) -> Iterator[Database]:
    """Yield a database with the newest schema and at most one open connection."""
    database = Database(DatabasePolicy(home, url, TIMEOUT))
    database.make_file()
    schema.upgrade(database)
    yield database
    database.close()


# When the database is unavailable

AWAY = {
    "no file": "sqlite:///missing/validator.db",
    "no tables": "sqlite:///empty.db",
    "no server": "postgresql+psycopg://nobody@/nothing?host=/nonexistent",
}


@pytest.mark.parametrize("url", AWAY.values(), ids=AWAY)
def test_unavailable_database_is_a_fault(tmp_path: Path, url: str) -> None:
    """An unavailable database is a fault, never the state of an unknown subject."""
    database = Database(DatabasePolicy(tmp_path, url, TIMEOUT))
    subject_states = SubjectStates(database)

    for ask in (lambda: subject_states.of(AGENT), lambda: subject_states.check(claims_of())):
        with pytest.raises(Fault) as fault:
            ask()
        assert fault.value.reason is Reason.STORE_UNAVAILABLE
    database.close()


def test_malformed_database_is_a_fault(tmp_path: Path) -> None:
    """A file that is not a database is a fault."""
    (tmp_path / "validator.db").write_bytes(b"no database" * 1000)
    database = Database(DatabasePolicy(tmp_path, "sqlite:///validator.db", TIMEOUT))

    with pytest.raises(Fault, match=Reason.STORE_UNAVAILABLE):
        SubjectStates(database).of(AGENT)
    database.close()
