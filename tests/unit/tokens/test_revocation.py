"""Revocation: what one ends, from when, and how long it is stored; on both kinds of database."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from tests.support.fakes import AGENT, CUSTOMER, OTHER_TENANT, START, TENANT, FakeClock
from tests.support.parallel_threads import at_once
from tests.support.token_parts import POLICY, TokenParts
from validator.errors import Reason, Refusal
from validator.sizes import MAX_TENANT, MAX_USER_ACCOUNT, MAX_USER_ID
from validator.store.database import Database
from validator.tenants import Tenants
from validator.tokens.claims import MAX_LEEWAY, MAX_LIFETIME, Audience, Claims, Subject
from validator.tokens.issuer import TokenIssuer
from validator.tokens.revocation import (
    ENDLESS,
    EVERYTHING,
    Revocations,
    subject_target,
    table,
    targets_around,
    targets_of,
    tenant_target,
    token_target,
)
from validator.tokens.subject_state import NO_REVOCATION, SubjectStates
from validator.tokens.wire import MAX_JTI

AROUND = pytest.mark.parametrize("target", targets_around(AGENT), ids=["subject", "tenant", "everything"])


class Registry:
    """Revocations of two tenants, and whether a token is still valid."""

    def __init__(self, database: Database) -> None:
        self.database, self.clock = database, FakeClock()
        self.revocations = Revocations(database, self.clock)
        self._subject_states = SubjectStates(database)
        for tenant in (TENANT, OTHER_TENANT):
            Tenants(database, self.clock).add(tenant, tenant)

    def is_revoked(self, claims: Claims) -> bool:
        try:
            self._subject_states.check(claims)
        except Refusal as refusal:
            return refusal.reason is Reason.TOKEN_REVOKED
        return False

    def check(self, claims: Claims) -> None:
        self._subject_states.check(claims)

    def issue(self, subject: Subject = AGENT, jti: str = "jti-1") -> Claims:
        """Return the claims of a token for *subject* issued after all revocations so far."""
        return token(subject, jti, known=self._subject_states.of(subject, targets_around(subject)).number)

    def number(self, target: str) -> int:
        """Return the number of the last revocation of *target*."""
        with self.database.read() as connection:
            return int(
                connection.execute(select(table.c.number).where(table.c.target == target)).scalar_one()
            )

    def rows(self) -> int:
        with self.database.read() as connection:
            return len(connection.execute(select(table)).all())


@pytest.fixture
def registry(database: Database) -> Registry:
    return Registry(database)


def token(subject: Subject = AGENT, jti: str = "jti-1", *, known: int = NO_REVOCATION) -> Claims:
    """Return the claims of a token that knows revocations up to the number *known*."""
    return Claims(jti, subject, 0, known, START, START + POLICY.lifetime(subject.audience))


OF_ANOTHER_JTI = token(jti="jti-2")
OF_ANOTHER_SUBJECT = token(replace(AGENT, id="agent-8"))
OF_ANOTHER_AUDIENCE = token(Subject(Audience.CHAT, TENANT, AGENT.id, "Ann"), "jti-3")
OF_ANOTHER_TENANT = token(replace(AGENT, tenant=OTHER_TENANT), "jti-1")


@pytest.mark.parametrize(
    ("target", "spared"),
    [
        (
            token_target(TENANT, "jti-1"),
            [OF_ANOTHER_JTI, OF_ANOTHER_AUDIENCE, OF_ANOTHER_TENANT],
        ),
        (
            subject_target(Audience.AGENT, TENANT, AGENT.id),
            [OF_ANOTHER_SUBJECT, OF_ANOTHER_AUDIENCE, OF_ANOTHER_TENANT],
        ),
        (tenant_target(TENANT), [OF_ANOTHER_TENANT]),
        (EVERYTHING, []),
    ],
    ids=["token", "subject", "tenant", "everything"],
)
def test_each_target_revokes_only_its_tokens(registry: Registry, target: str, spared: list[Claims]) -> None:
    """A revocation revokes the tokens of its target and no others."""
    assert not registry.is_revoked(token())

    registry.revocations.revoke(target)

    assert registry.is_revoked(token())
    assert [claims for claims in spared if registry.is_revoked(claims)] == []


@pytest.mark.parametrize("audience", Audience)
def test_subjects_are_separate_per_audience(registry: Registry, audience: Audience) -> None:
    """An agent and a customer with the same id are revoked separately."""
    both = [token(Subject(Audience.AGENT, TENANT, "7")), token(Subject(Audience.CHAT, TENANT, "7", "Ann"))]

    registry.revocations.revoke(subject_target(audience, TENANT, "7"))

    assert [claims.subject.audience for claims in both if registry.is_revoked(claims)] == [audience]


def test_customer_is_revoked_under_every_name(registry: Registry) -> None:
    """A customer's name is not part of the revocation target."""
    registry.revocations.revoke(subject_target(Audience.CHAT, TENANT, CUSTOMER.id))

    assert registry.is_revoked(token(replace(CUSTOMER, name="Another")))


@AROUND
def test_only_earlier_tokens_are_revoked(registry: Registry, target: str) -> None:
    """A revocation revokes tokens with a smaller number; the next token is valid."""
    before = registry.issue()

    registry.revocations.revoke(target)

    after, number = registry.issue(), registry.number(target)
    assert after.issued_at == before.issued_at
    assert [registry.is_revoked(claims) for claims in (before, after)] == [True, False]
    assert registry.is_revoked(token(known=number - 1))
    assert not registry.is_revoked(token(known=number))


def test_jti_is_revoked_whatever_its_number(registry: Registry) -> None:
    """A revocation by jti revokes that token whatever its number."""
    registry.revocations.revoke(token_target(TENANT, "jti-1"))
    registry.revocations.revoke(EVERYTHING)

    assert registry.is_revoked(registry.issue())
    assert registry.is_revoked(token(known=ENDLESS - 1))
    assert not registry.is_revoked(registry.issue(jti="jti-2"))


@pytest.mark.parametrize("times", [2, 5])
@AROUND
def test_second_revocation_revokes_tokens_issued_meanwhile(
    registry: Registry, target: str, times: int
) -> None:
    """Each revocation of a target, even at the same instant, revokes newer tokens; there is one row."""
    registry.revocations.revoke(target)
    for _ in range(times):
        meanwhile = registry.issue()
        assert not registry.is_revoked(meanwhile)

        registry.revocations.revoke(target)

        assert registry.is_revoked(meanwhile)
        assert not registry.is_revoked(registry.issue())
    assert registry.rows() == 1


@pytest.mark.parametrize("minutes", [0, 1, -1], ids=["same instant", "later", "clock set back"])
def test_numbers_grow_across_targets(registry: Registry, minutes: int) -> None:
    """Each revocation has a greater number than all before, for any target and time."""
    numbers = []
    for target in (*targets_around(AGENT), *reversed(targets_around(AGENT))):
        registry.revocations.revoke(target)
        numbers.append(registry.number(target))
        registry.clock.advance(minutes=minutes)

    assert numbers == sorted(set(numbers))


def test_number_is_at_least_the_time(registry: Registry) -> None:
    """Numbers continue above those lost with an older copy of the database, since time has passed."""
    registry.revocations.revoke(EVERYTHING)
    assert registry.number(EVERYTHING) == 1793763952263

    registry.revocations.revoke(EVERYTHING)
    assert registry.number(EVERYTHING) == 1793763952264

    registry.clock.advance(seconds=1)
    registry.revocations.revoke(EVERYTHING)
    assert registry.number(EVERYTHING) == 1793763953263


def test_numbers_grow_after_pruning(registry: Registry) -> None:
    """A token that knows a pruned revocation is revoked by the next one."""
    ahead = Revocations(registry.database, FakeClock(START + timedelta(hours=1)))
    ahead.revoke(EVERYTHING)
    claims = registry.issue()
    with registry.database.write() as connection:
        connection.execute(delete(table))
    assert not registry.is_revoked(claims)

    registry.revocations.revoke(EVERYTHING)

    assert registry.is_revoked(claims)
    assert not registry.is_revoked(registry.issue())


def test_concurrent_revocations_leave_one_row(registry: Registry) -> None:
    """Concurrent revocations of a target all succeed, each with a distinct number."""
    raised = at_once(8, lambda: registry.revocations.revoke(EVERYTHING))

    assert raised == []
    assert registry.rows() == 1
    assert registry.is_revoked(token())
    assert registry.number(EVERYTHING) == 1793763952263 + 7


@AROUND
def test_revocation_by_a_clock_behind_is_complete(registry: Registry, target: str) -> None:
    """A node with a clock behind revokes all earlier tokens and revives none."""
    ended = registry.issue()
    registry.revocations.revoke(EVERYTHING)
    issued = registry.issue()
    behind = Revocations(registry.database, FakeClock(START - timedelta(minutes=1)))

    behind.revoke(target)

    assert [registry.is_revoked(claims) for claims in (ended, issued)] == [True, True]
    assert not registry.is_revoked(registry.issue())


@pytest.mark.parametrize("target", [EVERYTHING, token_target(TENANT, "jti-1")], ids=["everything", "token"])
def test_clock_behind_does_not_shorten_retention(registry: Registry, target: str) -> None:
    """A revocation repeated by a node with a clock behind is stored as long as before."""
    registry.revocations.revoke(target)
    behind = Revocations(registry.database, FakeClock(START - timedelta(minutes=1)))

    behind.revoke(target)

    registry.clock.instant = START + MAX_LIFETIME + 2 * MAX_LEEWAY
    assert registry.revocations.prune() == 0
    registry.clock.advance(milliseconds=1)
    assert registry.revocations.prune() == 1


@pytest.mark.parametrize("target", [EVERYTHING, token_target(TENANT, "jti-1")], ids=["everything", "token"])
def test_repeated_revocation_extends_retention(registry: Registry, target: str) -> None:
    """A repeated revocation is stored for the full time from then on."""
    registry.revocations.revoke(target)
    registry.clock.advance(hours=1)

    registry.revocations.revoke(target)

    registry.clock.instant = START + timedelta(hours=1) + MAX_LIFETIME + 2 * MAX_LEEWAY
    assert registry.revocations.prune() == 0
    registry.clock.advance(milliseconds=1)
    assert registry.revocations.prune() == 1


@AROUND
def test_widest_revocation_counts(registry: Registry, target: str) -> None:
    """A later revocation of a wider target revokes what an earlier one of the token did not."""
    registry.revocations.revoke(token_target(TENANT, "jti-1"))
    another = registry.issue(jti="jti-2")
    assert not registry.is_revoked(another)

    registry.revocations.revoke(target)

    assert registry.is_revoked(another)


def test_row_is_stored_while_its_tokens_may_live(registry: Registry) -> None:
    """A row is stored until the longest-lived token is expired on every node, then pruned."""
    registry.revocations.revoke(EVERYTHING)
    last_moment = START + MAX_LIFETIME + MAX_LEEWAY

    for instant in (START, START + POLICY.chat_lifetime, last_moment, last_moment + MAX_LEEWAY):
        registry.clock.instant = instant
        assert registry.revocations.prune() == 0
        assert registry.is_revoked(token(CUSTOMER))
    registry.clock.advance(hours=25)
    assert registry.revocations.prune() == 1
    assert registry.rows() == 0


def test_prune_deletes_only_past_rows(registry: Registry) -> None:
    """Of two rows only the one without living tokens is pruned."""
    registry.revocations.revoke(tenant_target(TENANT))
    registry.clock.advance(hours=24)
    registry.revocations.revoke(tenant_target(OTHER_TENANT))
    registry.clock.advance(minutes=11)

    assert registry.revocations.prune() == 1
    assert registry.rows() == 1
    assert registry.is_revoked(OF_ANOTHER_TENANT)
    assert not registry.is_revoked(registry.issue())


def test_revoking_prunes_past_rows(registry: Registry) -> None:
    """Each revocation prunes past rows, so that the table does not grow for ever."""
    for number in range(3):
        registry.revocations.revoke(token_target(TENANT, f"jti-{number}"))
    registry.clock.advance(hours=25)

    registry.revocations.revoke(token_target(TENANT, "jti-3"))

    assert registry.rows() == 1


def test_shorter_lifetimes_revive_no_revoked_token(registry: Registry, parts: TokenParts) -> None:
    """A revoked token from before the lifetimes were shortened is never accepted again."""
    longer = replace(POLICY, agent_lifetime=timedelta(hours=24))
    text, claims = TokenIssuer(parts.keyring, longer, parts.clock).issue(AGENT, epoch=0, revocation=0)
    registry.revocations.revoke(token_target(TENANT, claims.jti))
    assert registry.is_revoked(claims)

    registry.clock.advance(hours=12)
    parts.clock.advance(hours=12)
    registry.revocations.prune()

    with pytest.raises(Refusal):
        registry.check(parts.verifier.verify(text, Audience.AGENT))


def with_clock_off(registry: Registry, days: float) -> Revocations:
    """Return the revocations of a node whose clock is wrong by *days*."""
    return Revocations(registry.database, FakeClock(registry.clock.instant + timedelta(days=days)))


@pytest.mark.parametrize("days", [2, 366, 36500])
@pytest.mark.parametrize("target", [token_target(TENANT, "jti-1"), *targets_around(AGENT)])
def test_clock_ahead_revives_no_revoked_token(registry: Registry, target: str, days: float) -> None:
    """A node whose clock is days ahead prunes rows too early; their tokens stay revoked.

    Tokens issued from then on are valid on every node.
    """
    revoked = registry.issue()
    registry.revocations.revoke(target)

    with_clock_off(registry, days).revoke(token_target(TENANT, "another"))

    assert registry.rows() == 1  # without the number of the pruned row, the token would be valid again
    assert registry.is_revoked(revoked)
    assert not registry.is_revoked(registry.issue(jti="jti-2"))
    assert with_clock_off(registry, days).prune() == 0


@pytest.mark.parametrize("days", [2, 366, 36500])
def test_row_of_a_clock_ahead_is_dated_to_now(registry: Registry, days: float) -> None:
    """A row made by a clock ahead is in force and is pruned like one made now."""
    before = registry.issue()
    with_clock_off(registry, days).revoke(EVERYTHING)
    assert registry.revocations.prune() == 0
    assert registry.is_revoked(before)

    registry.clock.advance(hours=25)

    assert registry.revocations.prune() == 1
    assert not registry.is_revoked(registry.issue())


@pytest.mark.parametrize("days", [2, 366, 36500])
def test_revocations_after_a_clock_ahead_still_revoke(registry: Registry, days: float) -> None:
    """The numbers grew once and continue by one: each revocation revokes earlier tokens."""
    with_clock_off(registry, days).revoke(EVERYTHING)

    for target in (*targets_around(AGENT), token_target(TENANT, "jti-1")):
        issued = registry.issue()
        assert target.startswith("jti:") or not registry.is_revoked(issued)
        registry.revocations.revoke(target)
        assert registry.is_revoked(issued)


def test_prune_under_correct_clocks_refuses_no_living_token(registry: Registry) -> None:
    """A living token is newer than every row that may be pruned."""
    for hours in range(0, 100, 5):
        registry.revocations.revoke(token_target(TENANT, f"jti-{hours}"))
        living = registry.issue(jti="living")
        registry.clock.advance(hours=5)
        registry.revocations.prune()
        assert not registry.is_revoked(living)


def test_token_that_knows_more_than_the_database_is_refused(registry: Registry) -> None:
    """A token that knows a revocation which the database has lost is refused."""
    registry.revocations.revoke(EVERYTHING)
    number = registry.number(EVERYTHING)

    assert not registry.is_revoked(token(known=number))
    assert registry.is_revoked(token(known=number + 1))


@pytest.mark.parametrize("character", ["a", "字", "😀", ":"])
def test_longest_target_fits_its_column(registry: Registry, character: str) -> None:
    """The longest permitted ids can be revoked, even if the database counts characters."""
    tenant = "t" * MAX_TENANT
    longest = [
        token_target(tenant, character * MAX_JTI),
        subject_target(Audience.AGENT, tenant, character * MAX_USER_ACCOUNT),
        subject_target(Audience.CHAT, tenant, character * MAX_USER_ID),
        tenant_target(tenant),
    ]

    for target in longest:
        registry.revocations.revoke(target)

    assert registry.rows() == len(longest)


def test_targets_of_a_token() -> None:
    """A token has four targets; their texts are stored and therefore pinned."""
    assert targets_of(token()) == (
        "jti:202400000001:jti-1",
        "subject:agent:202400000001:agent-7",
        "tenant:202400000001",
        "all",
    )


def test_separators_in_an_id_make_no_other_target() -> None:
    """No id of a subject or token yields another target: a tenant's id has no colon."""
    nasty = ["a", ":a", "a:", ":", "b:a", "all", "tenant:a", "subject:agent:a:a", "jti:a:a"]
    targets = [EVERYTHING]
    for tenant in ("a", "b", "agent", "chat", "all"):
        targets.append(tenant_target(tenant))
        for text in nasty:
            targets.append(token_target(tenant, text))
            targets.extend(subject_target(audience, tenant, text) for audience in Audience)

    assert len(targets) == len(set(targets))
