"""How a subject stands: every combination, on both kinds of database, in one statement that only reads."""

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


# What is made of what was read

STATES = (None, RecordStatus.ACTIVE, RecordStatus.DISABLED)
KNOWN = 7  # the number of the last revocation when the token was issued
REVOCATIONS = (NO_REVOCATION, KNOWN - 1, KNOWN, KNOWN + 1, ENDLESS)
COMBINATIONS = list(product(STATES, STATES, (0, 1, 2), REVOCATIONS))


def expected(
    tenant: RecordStatus | None, account: RecordStatus | None, epoch: int, revocation: int
) -> Reason | None:
    """Return the first reason that holds against a token of epoch 1 that knows the revocations so far."""
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
    """Tenant, account, epoch and revocation are looked at in this order, and each of them ends a token."""
    state = SubjectState(tenant, account, None, epoch, revocation, KNOWN)

    refused = reason_of(state, claims_of(revocation=KNOWN))

    assert refused is expected(tenant, account, epoch, revocation)


def test_combinations_hold_every_outcome() -> None:
    """Each reason, and acceptance, comes out of some of the combinations above."""
    assert {expected(*combination) for combination in COMBINATIONS} == {
        None,
        Reason.TENANT_UNKNOWN,
        Reason.TENANT_DISABLED,
        Reason.ACCOUNT_DISABLED,
        Reason.TOKEN_STALE,
        Reason.TOKEN_REVOKED,
    }


# What is read


@dataclass(frozen=True)
class Registry:
    """A database with two tenants and one account, and what changes it."""

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
def test_standing_of_an_account(registry: Registry, subject: Subject) -> None:
    """All that is known of a subject with an account is read together."""
    state = registry.subject_states.of(subject)

    account = registry.accounts.require(LOGIN).id
    assert state == SubjectState(
        RecordStatus.ACTIVE, RecordStatus.ACTIVE, CUSTOMER.name, 1, NO_REVOCATION, 0, account
    )


@pytest.mark.parametrize("audience", Audience)
def test_standing_of_a_stranger(registry: Registry, audience: Audience) -> None:
    """A subject without an account stands by its tenant alone, with epoch 0."""
    name = "Ann" if audience is Audience.CHAT else None

    state = registry.subject_states.of(Subject(audience, TENANT, "stranger", name))

    assert state == SubjectState(RecordStatus.ACTIVE, None, None, 0, NO_REVOCATION, 0)


def test_standing_in_an_unknown_tenant(registry: Registry) -> None:
    """In a tenant that is not there nobody is known, whoever has the id elsewhere."""
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
    """An account stands for its own tenant and ids to the letter, on its own side."""
    assert registry.subject_states.of(subject).account_status is None


@SUBJECTS
def test_disabled_account(registry: Registry, subject: Subject) -> None:
    """Disabling the account ends its tokens for good, on both sides; those issued after it is back live."""
    assert registry.reason(claims_of(subject)) is None

    registry.accounts.set_status(LOGIN, RecordStatus.DISABLED)
    assert registry.reason(claims_of(subject)) is Reason.ACCOUNT_DISABLED

    registry.accounts.set_status(LOGIN, RecordStatus.ACTIVE)
    assert registry.reason(claims_of(subject)) is Reason.TOKEN_STALE
    epoch = registry.subject_states.of(subject).epoch
    assert registry.reason(claims_of(subject, epoch)) is None


@SUBJECTS
def test_changed_password(registry: Registry, subject: Subject) -> None:
    """A new password makes the tokens of before stale, on both sides."""
    registry.accounts.set_password(registry.accounts.require(LOGIN), HASH)

    assert registry.reason(claims_of(subject, epoch=1)) is Reason.TOKEN_STALE
    assert registry.reason(claims_of(subject, epoch=2)) is None


def test_account_made_later(registry: Registry) -> None:
    """A token that a client had for a stranger is stale once the stranger has an account here."""
    subject = Subject(Audience.AGENT, OTHER_TENANT, "agent-9")
    assert registry.reason(claims_of(subject, epoch=0)) is None

    registry.accounts.add("nine", OTHER_TENANT, HASH, Identity("agent-9"))

    assert registry.reason(claims_of(subject, epoch=0)) is Reason.TOKEN_STALE


LINKED = Subject(Audience.AGENT, TENANT, "agent-8")


def linked(registry: Registry) -> Links:
    """Link one more of the cloud's accounts to the account, and return the table."""
    links = Links(registry.database, registry.clock)
    links.add(registry.accounts.require(LOGIN).id, TENANT, LINKED.id)
    return links


def test_linked_agent_stands_with_the_account(registry: Registry) -> None:
    """What is linked to an account is as good as the account: disabled, changed and back with it."""
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


def test_link_of_another_tenant_says_nothing(registry: Registry) -> None:
    """The same code in another tenant is nobody's."""
    linked(registry)

    assert registry.subject_states.of(replace(LINKED, tenant=OTHER_TENANT)).account_status is None


def test_undone_link_makes_its_tokens_stale(registry: Registry) -> None:
    """Without the link the token is of a stranger; the account's own live on."""
    links = linked(registry)
    assert registry.reason(claims_of(LINKED)) is None

    links.remove(registry.accounts.require(LOGIN).id, TENANT, LINKED.id)

    assert registry.reason(claims_of(LINKED)) is Reason.TOKEN_STALE
    assert registry.reason(claims_of(AGENT)) is None


@SUBJECTS
def test_disabled_tenant(registry: Registry, subject: Subject) -> None:
    """A disabled tenant's tokens rest until it is back; another tenant's are good."""
    registry.tenants.set_status(TENANT, RecordStatus.DISABLED)

    assert registry.reason(claims_of(subject)) is Reason.TENANT_DISABLED
    assert registry.reason(claims_of(Subject(Audience.AGENT, OTHER_TENANT, "x"), epoch=0)) is None
    registry.tenants.set_status(TENANT, RecordStatus.ACTIVE)
    assert registry.reason(claims_of(subject)) is None


@SUBJECTS
@pytest.mark.parametrize("which", range(4), ids=["token", "subject", "tenant", "everything"])
def test_each_revocation_is_read(registry: Registry, subject: Subject, which: int) -> None:
    """Whichever of a token's four targets is revoked, the same question finds it."""
    claims = claims_of(subject)

    registry.revocations.revoke(targets_of(claims)[which])

    assert registry.reason(claims) is Reason.TOKEN_REVOKED
    assert registry.subject_states.of(subject, targets_of(claims)).revocation > NO_REVOCATION
    assert registry.subject_states.of(subject).revocation == NO_REVOCATION


def test_revocations_of_others_are_not_read(registry: Registry) -> None:
    """What was revoked of others says nothing of this token."""
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
    """Of the revocations of subject, tenant and everything the last made counts, whatever the clock says."""
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
def test_token_ended_by_its_jti_stays_ended(registry: Registry, which: int) -> None:
    """A token that was ended by its jti stays so, whatever else is revoked before or after."""
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
    """A new token is not hindered by what was revoked before it."""
    registry.revocations.revoke(EVERYTHING)

    assert registry.subject_states.of(AGENT).revocation == NO_REVOCATION


@SUBJECTS
def test_no_target_is_left_out(registry: Registry, subject: Subject) -> None:
    """Whoever asks of more targets than the question has room for gets an error, and not half an answer."""
    with pytest.raises(ValueError, match="longer"):
        registry.subject_states.of(subject, (*targets_of(claims_of(subject)), "one more"))


# What it costs


def test_sqlite_is_told_one_statement(tmp_path: Path) -> None:
    """Each answer, whatever it is, costs exactly one SELECT, and no transaction around it."""
    heard: list[str] = []
    with migrated(tmp_path, "sqlite:///validator.db") as database:
        registry = registry_in(database)
        database.kept.get().set_trace_callback(heard.append)

        assert registry.reason(claims_of()) is None
        registry.reason(claims_of(CUSTOMER))
        registry.reason(claims_of(Subject(Audience.AGENT, "nowhere", "x")))
        registry.subject_states.of(AGENT)

    assert [statement.split()[0] for statement in heard] == ["SELECT"] * 4


def test_postgresql_is_asked_one_round_trip(tmp_path: Path, postgres_database: str) -> None:
    """On the wire to PostgreSQL there is one question and one answer, the first time and the hundredth."""
    with migrated(tmp_path, postgres_database) as database, tempfile.TemporaryFile("w+") as wire:
        registry = registry_in(database)
        for _ in range(10):  # the driver prepares a statement that it sees often
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
    """Yield a database with the newest schema, which has one connection at a time in use."""
    database = Database(DatabasePolicy(home, url, TIMEOUT))
    database.make_file()
    schema.upgrade(database)
    yield database
    database.close()


# When the database is away

AWAY = {
    "no file": "sqlite:///missing/validator.db",
    "no tables": "sqlite:///empty.db",
    "no server": "postgresql+psycopg://nobody@/nothing?host=/nonexistent",
}


@pytest.mark.parametrize("url", AWAY.values(), ids=AWAY)
def test_database_that_cannot_answer_is_a_fault(tmp_path: Path, url: str) -> None:
    """Without an answer there is a fault, and never a state that looks like nobody's."""
    database = Database(DatabasePolicy(tmp_path, url, TIMEOUT))
    subject_states = SubjectStates(database)

    for ask in (lambda: subject_states.of(AGENT), lambda: subject_states.check(claims_of())):
        with pytest.raises(Fault) as fault:
            ask()
        assert fault.value.reason is Reason.STORE_UNAVAILABLE
    database.close()


def test_database_of_another_kind_is_a_fault(tmp_path: Path) -> None:
    """A file that is no database is a fault."""
    (tmp_path / "validator.db").write_bytes(b"no database" * 1000)
    database = Database(DatabasePolicy(tmp_path, "sqlite:///validator.db", TIMEOUT))

    with pytest.raises(Fault, match=Reason.STORE_UNAVAILABLE):
        SubjectStates(database).of(AGENT)
    database.close()
