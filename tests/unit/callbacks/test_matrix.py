"""Every token against every presentation: each is accepted for its own subject, and for no other."""

import json
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

import pytest
from sqlalchemy import insert

from tests.support.fakes import UNLIMITED, FakeClock, open_with, populate
from validator.audit.events import Event, Outcome
from validator.audit.trail import AuditTrail
from validator.callbacks.validation import Validation
from validator.callbacks.wire import Presentation, parse_agent, parse_chat
from validator.exchange import Exchange
from validator.services import Services
from validator.tenants import RecordStatus
from validator.tenants import table as tenants
from validator.tokens.claims import Audience, Subject
from validator.tokens.issuer import TokenIssuer

HERE = Exchange()
MIN_CROSSINGS = 10_000
COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "Zoë") for form in ("NFC", "NFD"))
# Case variants, prefixes of each other, digits and what looks like them, separators, almost nothing.
TENANTS = ("7", "07", "a", "A", "a:b", "ab")
ACCOUNTS = ("a", "A", "aa", "b:a", "a:b", "a|b", "a.b", "7", "07", "٧", " ", "a ", COMPOSED, DECOMPOSED)
IDS = ("a", "b:a", "7", "07", COMPOSED, DECOMPOSED)
NAMES = ("a", "A", "a:7", "\u200b")
AGENTS = [Subject(Audience.AGENT, *ids) for ids in product(TENANTS, ACCOUNTS)]
CUSTOMERS = [Subject(Audience.CHAT, *ids) for ids in product(TENANTS, IDS, NAMES)]
SUBJECTS = [*AGENTS, *CUSTOMERS]


class RememberingTrail(AuditTrail):
    """A trail that keeps its events in memory: tens of thousands of lines on a disk would take too long."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def append_all(self, events: Sequence[tuple[Event, Exchange]]) -> None:
        self.events += [event for event, _ in events]


@dataclass(frozen=True)
class Matrix:
    """What judges, the trail it writes to, and a token for every subject."""

    validation: Validation
    trail: RememberingTrail
    tokens: dict[Subject, str]


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    home = tmp_path_factory.mktemp("matrix") / "home"
    populate(home)
    services = open_with(home, FakeClock(), UNLIMITED)
    add_tenants(services)
    trail = RememberingTrail()
    issuer = TokenIssuer(services.keyring, services.settings.tokens, services.clock)
    tokens = {subject: issuer.issue(subject, epoch=0, revocation=0)[0] for subject in SUBJECTS}
    policy = services.settings.callbacks
    judge = Validation(services.verifier, services.subject_states, services.rate_limits, trail, policy)
    yield Matrix(judge, trail, tokens)
    services.close()


def add_tenants(services: Services) -> None:
    """Add the tenants straight to the table: some have ids that an operator would not be let to give."""
    rows = [
        {"id": tenant, "name": tenant, "status": RecordStatus.ACTIVE, "created_at": services.clock.now()}
        for tenant in TENANTS
    ]
    with services.database.write() as connection:
        connection.execute(insert(tenants), rows)


def presentation_of(subject: Subject, token: str) -> Presentation:
    """Return what is presented when the cloud's body names *subject* and carries *token*."""
    if subject.audience is Audience.AGENT:
        body = {"access_token": token, "tenantSpaceId": subject.tenant, "userAccount": subject.id}
        return parse_agent(json.dumps(body).encode())
    chat = {"Token": token, "tenantSpaceId": subject.tenant, "userId": subject.id, "userName": subject.name}
    return parse_chat(json.dumps(chat).encode())


def test_subjects_are_all_different() -> None:
    """No two subjects of the grid are the same, though many look it."""
    assert len(set(SUBJECTS)) == len(SUBJECTS) == len(TENANTS) * (len(ACCOUNTS) + len(IDS) * len(NAMES))
    assert COMPOSED != DECOMPOSED


@pytest.mark.slow
def test_token_is_accepted_for_its_own_subject_only(
    matrix: Matrix, record_property: Callable[[str, object], None]
) -> None:
    """Of all tokens presented as all subjects, each is accepted as its own; none is accepted wrongly."""
    accepted, wrongly_accepted, wrongly_refused = 0, [], []

    for presented, (issued_for, token) in product(SUBJECTS, matrix.tokens.items()):
        verdict = matrix.validation.validate(HERE, partial(presentation_of, presented, token))
        accepted += verdict.reason is None
        if verdict.reason is None and presented != issued_for:
            wrongly_accepted.append((presented, issued_for))
        if verdict.reason is not None and presented == issued_for:
            wrongly_refused.append((presented, verdict.reason))

    crossings = len(matrix.trail.events)
    record_property("crossings", crossings)
    assert wrongly_accepted == []
    assert wrongly_refused == []
    assert accepted == len(SUBJECTS)
    assert crossings == len(SUBJECTS) ** 2 >= MIN_CROSSINGS
    written = [event for event in matrix.trail.events if event.outcome is Outcome.ACCEPTED]
    assert [(event.audience, event.tenant, event.subject) for event in written] == [
        (subject.audience, subject.tenant, subject.id) for subject in SUBJECTS
    ]
