"""What a revocation ends, from when, and until when it is remembered; on both kinds of database."""

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


class Enquiry:
    """Revocations of two tenants, and the question whether a token is still good."""

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
        """Return the claims of a token for *subject* issued after all that was revoked so far."""
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
def enquiry(database: Database) -> Enquiry:
    return Enquiry(database)


def token(subject: Subject = AGENT, jti: str = "jti-1", *, known: int = NO_REVOCATION) -> Claims:
    """Return the claims of a token issued when the last revocation *known* was of that number."""
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
def test_each_target_ends_its_own_tokens(enquiry: Enquiry, target: str, spared: list[Claims]) -> None:
    """A revocation ends the tokens of its target and no other token."""
    assert not enquiry.is_revoked(token())

    enquiry.revocations.revoke(target)

    assert enquiry.is_revoked(token())
    assert [claims for claims in spared if enquiry.is_revoked(claims)] == []


@pytest.mark.parametrize("audience", Audience)
def test_subject_of_each_audience(enquiry: Enquiry, audience: Audience) -> None:
    """An agent and a customer with one id are two subjects; each is ended alone."""
    both = [token(Subject(Audience.AGENT, TENANT, "7")), token(Subject(Audience.CHAT, TENANT, "7", "Ann"))]

    enquiry.revocations.revoke(subject_target(audience, TENANT, "7"))

    assert [claims.subject.audience for claims in both if enquiry.is_revoked(claims)] == [audience]


def test_customer_is_ended_under_every_name(enquiry: Enquiry) -> None:
    """A customer's name is no part of who they are to a revocation."""
    enquiry.revocations.revoke(subject_target(Audience.CHAT, TENANT, CUSTOMER.id))

    assert enquiry.is_revoked(token(replace(CUSTOMER, name="Another")))


@AROUND
def test_only_what_was_issued_before_ends(enquiry: Enquiry, target: str) -> None:
    """A revocation ends what knew of none or of an earlier one; what is issued right after it lives."""
    before = enquiry.issue()

    enquiry.revocations.revoke(target)

    after, number = enquiry.issue(), enquiry.number(target)
    assert after.issued_at == before.issued_at
    assert [enquiry.is_revoked(claims) for claims in (before, after)] == [True, False]
    assert enquiry.is_revoked(token(known=number - 1))
    assert not enquiry.is_revoked(token(known=number))


def test_token_by_its_jti_ends_whatever_it_knew(enquiry: Enquiry) -> None:
    """There is no other token with that jti, so its revocation ends it whatever number it carries."""
    enquiry.revocations.revoke(token_target(TENANT, "jti-1"))
    enquiry.revocations.revoke(EVERYTHING)

    assert enquiry.is_revoked(enquiry.issue())
    assert enquiry.is_revoked(token(known=ENDLESS - 1))
    assert not enquiry.is_revoked(enquiry.issue(jti="jti-2"))


@pytest.mark.parametrize("times", [2, 5])
@AROUND
def test_revoking_again_ends_what_was_issued_meanwhile(enquiry: Enquiry, target: str, times: int) -> None:
    """Each revocation of a target, in the same instant, ends what was issued since, and the row is one."""
    enquiry.revocations.revoke(target)
    for _ in range(times):
        meanwhile = enquiry.issue()
        assert not enquiry.is_revoked(meanwhile)

        enquiry.revocations.revoke(target)

        assert enquiry.is_revoked(meanwhile)
        assert not enquiry.is_revoked(enquiry.issue())
    assert enquiry.rows() == 1


@pytest.mark.parametrize("minutes", [0, 1, -1], ids=["same instant", "later", "clock set back"])
def test_numbers_grow_across_targets(enquiry: Enquiry, minutes: int) -> None:
    """Each revocation has a greater number than every one before it, whatever was named, and when."""
    numbers = []
    for target in (*targets_around(AGENT), *reversed(targets_around(AGENT))):
        enquiry.revocations.revoke(target)
        numbers.append(enquiry.number(target))
        enquiry.clock.advance(minutes=minutes)

    assert numbers == sorted(set(numbers))


def test_number_is_at_least_the_time(enquiry: Enquiry) -> None:
    """Numbers go on above those that an older copy of the database has forgotten: time has passed since."""
    enquiry.revocations.revoke(EVERYTHING)
    assert enquiry.number(EVERYTHING) == 1793763952263

    enquiry.revocations.revoke(EVERYTHING)
    assert enquiry.number(EVERYTHING) == 1793763952264

    enquiry.clock.advance(seconds=1)
    enquiry.revocations.revoke(EVERYTHING)
    assert enquiry.number(EVERYTHING) == 1793763953263


def test_forgotten_rows_leave_the_numbers_growing(enquiry: Enquiry) -> None:
    """A token that knew a revocation which is forgotten by now is ended by the next one all the same."""
    ahead = Revocations(enquiry.database, FakeClock(START + timedelta(hours=1)))
    ahead.revoke(EVERYTHING)
    claims = enquiry.issue()
    with enquiry.database.write() as connection:
        connection.execute(delete(table))
    assert not enquiry.is_revoked(claims)

    enquiry.revocations.revoke(EVERYTHING)

    assert enquiry.is_revoked(claims)
    assert not enquiry.is_revoked(enquiry.issue())


def test_many_at_once_leave_one_row(enquiry: Enquiry) -> None:
    """Several who revoke the same target at the same time all succeed, and each has a number of its own."""
    raised = at_once(8, lambda: enquiry.revocations.revoke(EVERYTHING))

    assert raised == []
    assert enquiry.rows() == 1
    assert enquiry.is_revoked(token())
    assert enquiry.number(EVERYTHING) == 1793763952263 + 7


@AROUND
def test_revocation_by_a_clock_behind_ends_no_less(enquiry: Enquiry, target: str) -> None:
    """A node whose clock is behind ends what was issued before, and gives life back to nothing."""
    ended = enquiry.issue()
    enquiry.revocations.revoke(EVERYTHING)
    issued = enquiry.issue()
    behind = Revocations(enquiry.database, FakeClock(START - timedelta(minutes=1)))

    behind.revoke(target)

    assert [enquiry.is_revoked(claims) for claims in (ended, issued)] == [True, True]
    assert not enquiry.is_revoked(enquiry.issue())


@pytest.mark.parametrize("target", [EVERYTHING, token_target(TENANT, "jti-1")], ids=["everything", "token"])
def test_clock_behind_has_nothing_forgotten_sooner(enquiry: Enquiry, target: str) -> None:
    """Revoked again by a node whose clock is behind, a target is remembered for as long as it was before."""
    enquiry.revocations.revoke(target)
    behind = Revocations(enquiry.database, FakeClock(START - timedelta(minutes=1)))

    behind.revoke(target)

    enquiry.clock.instant = START + MAX_LIFETIME + 2 * MAX_LEEWAY
    assert enquiry.revocations.prune() == 0
    enquiry.clock.advance(milliseconds=1)
    assert enquiry.revocations.prune() == 1


@pytest.mark.parametrize("target", [EVERYTHING, token_target(TENANT, "jti-1")], ids=["everything", "token"])
def test_revoking_again_is_remembered_longer(enquiry: Enquiry, target: str) -> None:
    """A target that is revoked again is remembered from then on."""
    enquiry.revocations.revoke(target)
    enquiry.clock.advance(hours=1)

    enquiry.revocations.revoke(target)

    enquiry.clock.instant = START + timedelta(hours=1) + MAX_LIFETIME + 2 * MAX_LEEWAY
    assert enquiry.revocations.prune() == 0
    enquiry.clock.advance(milliseconds=1)
    assert enquiry.revocations.prune() == 1


@AROUND
def test_widest_revocation_counts(enquiry: Enquiry, target: str) -> None:
    """A later revocation of any target ends what an earlier one of the token alone did not reach."""
    enquiry.revocations.revoke(token_target(TENANT, "jti-1"))
    another = enquiry.issue(jti="jti-2")
    assert not enquiry.is_revoked(another)

    enquiry.revocations.revoke(target)

    assert enquiry.is_revoked(another)


def test_row_is_kept_while_a_token_of_it_may_live(enquiry: Enquiry) -> None:
    """A row stays until the longest token that the settings allow is refused on every node, then it goes."""
    enquiry.revocations.revoke(EVERYTHING)
    last_moment = START + MAX_LIFETIME + MAX_LEEWAY

    for instant in (START, START + POLICY.chat_lifetime, last_moment, last_moment + MAX_LEEWAY):
        enquiry.clock.instant = instant
        assert enquiry.revocations.prune() == 0
        assert enquiry.is_revoked(token(CUSTOMER))
    enquiry.clock.advance(hours=25)
    assert enquiry.revocations.prune() == 1
    assert enquiry.rows() == 0


def test_prune_forgets_only_what_is_past(enquiry: Enquiry) -> None:
    """Of two rows only the one that cannot end anything any more goes."""
    enquiry.revocations.revoke(tenant_target(TENANT))
    enquiry.clock.advance(hours=24)
    enquiry.revocations.revoke(tenant_target(OTHER_TENANT))
    enquiry.clock.advance(minutes=11)

    assert enquiry.revocations.prune() == 1
    assert enquiry.rows() == 1
    assert enquiry.is_revoked(OF_ANOTHER_TENANT)
    assert not enquiry.is_revoked(enquiry.issue())


def test_revoking_forgets_what_is_past(enquiry: Enquiry) -> None:
    """The table does not grow for ever: each revocation takes away the rows that are past."""
    for number in range(3):
        enquiry.revocations.revoke(token_target(TENANT, f"jti-{number}"))
    enquiry.clock.advance(hours=25)

    enquiry.revocations.revoke(token_target(TENANT, "jti-3"))

    assert enquiry.rows() == 1


def test_shorter_lifetimes_give_no_revoked_token_its_life_back(enquiry: Enquiry, parts: TokenParts) -> None:
    """A token issued before the lifetimes were shortened is never accepted again once it is revoked."""
    longer = replace(POLICY, agent_lifetime=timedelta(hours=24))
    text, claims = TokenIssuer(parts.keyring, longer, parts.clock).issue(AGENT, epoch=0, revocation=0)
    enquiry.revocations.revoke(token_target(TENANT, claims.jti))
    assert enquiry.is_revoked(claims)

    enquiry.clock.advance(hours=12)
    parts.clock.advance(hours=12)
    enquiry.revocations.prune()

    with pytest.raises(Refusal):
        enquiry.check(parts.verifier.verify(text, Audience.AGENT))


def clock_of(enquiry: Enquiry, days: float) -> Revocations:
    """Return the revocations as a node sees them whose clock is wrong by *days*."""
    return Revocations(enquiry.database, FakeClock(enquiry.clock.instant + timedelta(days=days)))


@pytest.mark.parametrize("days", [2, 366, 36500])
@pytest.mark.parametrize("target", [token_target(TENANT, "jti-1"), *targets_around(AGENT)])
def test_clock_ahead_gives_no_revoked_token_its_life_back(enquiry: Enquiry, target: str, days: float) -> None:
    """A prune by a node whose clock is days ahead forgets rows too early; what they ended stays ended.

    What is issued from then on is good, on every node.
    """
    revoked = enquiry.issue()
    enquiry.revocations.revoke(target)

    clock_of(enquiry, days).revoke(token_target(TENANT, "another"))

    assert enquiry.rows() == 1  # without the number of what was pruned, the token would be good again
    assert enquiry.is_revoked(revoked)
    assert not enquiry.is_revoked(enquiry.issue(jti="jti-2"))
    assert clock_of(enquiry, days).prune() == 0


@pytest.mark.parametrize("days", [2, 366, 36500])
def test_row_of_a_clock_ahead_counts_as_made_now(enquiry: Enquiry, days: float) -> None:
    """It is in force as long as one by a right clock, and is pruned as early, not when that time comes."""
    before = enquiry.issue()
    clock_of(enquiry, days).revoke(EVERYTHING)
    assert enquiry.revocations.prune() == 0
    assert enquiry.is_revoked(before)

    enquiry.clock.advance(hours=25)

    assert enquiry.revocations.prune() == 1
    assert not enquiry.is_revoked(enquiry.issue())


@pytest.mark.parametrize("days", [2, 366, 36500])
def test_revocations_after_a_clock_ahead_still_end(enquiry: Enquiry, days: float) -> None:
    """The numbers were lifted once and go on by one: each revocation ends what was issued before it."""
    clock_of(enquiry, days).revoke(EVERYTHING)

    for target in (*targets_around(AGENT), token_target(TENANT, "jti-1")):
        issued = enquiry.issue()
        assert target.startswith("jti:") or not enquiry.is_revoked(issued)
        enquiry.revocations.revoke(target)
        assert enquiry.is_revoked(issued)


def test_prune_under_right_clocks_refuses_no_living_token(enquiry: Enquiry) -> None:
    """A token that lives is younger than every row that may be pruned, whatever was revoked around it."""
    for hours in range(0, 100, 5):
        enquiry.revocations.revoke(token_target(TENANT, f"jti-{hours}"))
        living = enquiry.issue(jti="living")
        enquiry.clock.advance(hours=5)
        enquiry.revocations.prune()
        assert not enquiry.is_revoked(living)


def test_token_that_knows_more_than_the_database_is_refused(enquiry: Enquiry) -> None:
    """It was issued when the database had a revocation that it has lost since."""
    enquiry.revocations.revoke(EVERYTHING)
    number = enquiry.number(EVERYTHING)

    assert not enquiry.is_revoked(token(known=number))
    assert enquiry.is_revoked(token(known=number + 1))


@pytest.mark.parametrize("character", ["a", "字", "😀", ":"])
def test_longest_target_fits_its_column(enquiry: Enquiry, character: str) -> None:
    """The longest ids that may be named can be revoked, on a database that counts characters too."""
    tenant = "t" * MAX_TENANT
    longest = [
        token_target(tenant, character * MAX_JTI),
        subject_target(Audience.AGENT, tenant, character * MAX_USER_ACCOUNT),
        subject_target(Audience.CHAT, tenant, character * MAX_USER_ID),
        tenant_target(tenant),
    ]

    for target in longest:
        enquiry.revocations.revoke(target)

    assert enquiry.rows() == len(longest)


def test_targets_of_a_token() -> None:
    """A token has four targets; their texts are stored, and so stay as they are."""
    assert targets_of(token()) == (
        "jti:202400000001:jti-1",
        "subject:agent:202400000001:agent-7",
        "tenant:202400000001",
        "all",
    )


def test_separators_in_an_id_make_no_other_target() -> None:
    """No id of a subject or token spells another's target: a tenant's id has no colon in it."""
    nasty = ["a", ":a", "a:", ":", "b:a", "all", "tenant:a", "subject:agent:a:a", "jti:a:a"]
    targets = [EVERYTHING]
    for tenant in ("a", "b", "agent", "chat", "all"):
        targets.append(tenant_target(tenant))
        for text in nasty:
            targets.append(token_target(tenant, text))
            targets.extend(subject_target(audience, tenant, text) for audience in Audience)

    assert len(targets) == len(set(targets))
