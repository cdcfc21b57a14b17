"""Properties of every token text and every subject, tested with arbitrary ones."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support.fakes import AGENT, CUSTOMER, OTHER_TENANT, TENANT
from tests.support.token_parts import TokenParts, make_parts
from validator.errors import Reason, Refusal
from validator.tokens.claims import Audience, Claims, Subject

BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
SUBJECTS = (
    AGENT,
    CUSTOMER,
    Subject(Audience.AGENT, TENANT, "agent-77"),
    Subject(Audience.AGENT, OTHER_TENANT, "agent-7"),
    Subject(Audience.CHAT, TENANT, "agent-7", "agent-7"),
)


@dataclass(frozen=True)
class Issued:
    """Token parts, and tokens issued by them: the only texts that may be accepted."""

    parts: TokenParts
    tokens: tuple[str, ...]

    def is_refused(self, text: str) -> bool:
        """Return whether *text* is refused as forged for both audiences."""
        return all(self._reason(text, audience) is Reason.TOKEN_FORGED for audience in Audience)

    def _reason(self, text: str, audience: Audience) -> Reason | None:
        try:
            self.parts.verifier.verify(text, audience)
        except Refusal as refusal:
            return refusal.reason
        return None


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Issued:
    parts = make_parts(tmp_path_factory.mktemp("tokens"))
    return Issued(parts, tuple(parts.issue(subject, epoch=1)[0] for subject in SUBJECTS))


# An alteration takes a token, a position in it and a short text, and returns another text.
ALTERATIONS: dict[str, Callable[[str, int, str], str]] = {
    "insert": lambda token, at, text: token[:at] + text + token[at:],
    "delete": lambda token, at, text: token[:at] + token[at + max(1, len(text)) :],
    "replace": lambda token, at, text: token[:at] + text + token[at + len(text) :],
    "swap": lambda token, at, text: token[:at] + token[at : at + 2][::-1] + token[at + 2 :],
    "append": lambda token, at, text: token + text,
    "prepend": lambda token, at, text: text + token,
    "truncate": lambda token, at, text: token[:at],
    "behead": lambda token, at, text: token[at + 1 :],
    "flip case": lambda token, at, text: token[:at] + token[at : at + 1].swapcase() + token[at + 1 :],
    "flip all case": lambda token, at, text: token[:at] + token[at:].swapcase(),
    "repeat": lambda token, at, text: token[:at] + token,
    "rotate": lambda token, at, text: token[at:] + token[:at],
}
INSIDE = st.text(st.sampled_from(BASE64), min_size=1, max_size=4)
STRANGE = st.text(st.sampled_from(".=+/ \t\r\n;,:%é\x00\ud800"), min_size=1, max_size=3)
ANY_TEXT = INSIDE | STRANGE | st.text(max_size=4)
PLACES = st.integers(min_value=0, max_value=400)
TOKENS = st.integers(min_value=0, max_value=len(SUBJECTS) - 1)


def test_positive_control(issued: Issued) -> None:
    """Every token of these tests is accepted unaltered."""
    assert [issued.is_refused(token) for token in issued.tokens] == [False] * len(SUBJECTS)


@pytest.mark.slow
@pytest.mark.parametrize("alteration", ALTERATIONS)
@given(which=TOKENS, place=PLACES, text=ANY_TEXT)
def test_altered_token_is_refused(issued: Issued, alteration: str, which: int, place: int, text: str) -> None:
    """No alteration at one position yields another accepted text, for any audience."""
    token = issued.tokens[which]

    altered = ALTERATIONS[alteration](token, place % len(token), text)

    assume(altered not in issued.tokens)
    assert issued.is_refused(altered)


@given(st.data())
def test_repeatedly_altered_token_is_refused(issued: Issued, data: st.DataObject) -> None:
    """Nor do several successive alterations."""
    altered = issued.tokens[data.draw(TOKENS)]
    for _ in range(data.draw(st.integers(2, 5))):
        alter = ALTERATIONS[data.draw(st.sampled_from(sorted(ALTERATIONS)))]
        altered = alter(altered, data.draw(PLACES) % (len(altered) + 1), data.draw(ANY_TEXT))

    assume(altered not in issued.tokens)
    assert issued.is_refused(altered)


@given(TOKENS, TOKENS, PLACES, PLACES)
def test_splice_of_two_tokens_is_refused(issued: Issued, head: int, tail: int, end: int, begin: int) -> None:
    """The start of one token with the end of another is refused."""
    first, second = issued.tokens[head], issued.tokens[tail]

    spliced = first[: end % (len(first) + 1)] + second[begin % (len(second) + 1) :]

    assume(spliced not in issued.tokens)
    assert issued.is_refused(spliced)


def test_every_signature_fits_its_own_claims_only(issued: Issued) -> None:
    """The claims of each token with the signature of each other one are refused."""
    halves = [token.split(".") for token in issued.tokens]

    crossed = [f"{first[0]}.{second[1]}" for first in halves for second in halves if first is not second]

    assert len(crossed) == 20
    assert all(issued.is_refused(token) for token in crossed)


def test_every_single_character_counts(issued: Issued) -> None:
    """Replacing any one character with any of the 64 is refused."""
    token = issued.tokens[0]

    altered = {
        token[:place] + character + token[place + 1 :] for place in range(len(token)) for character in BASE64
    } - {token}

    assert len(altered) == 63 * (len(token) - 1) + 64
    assert [text for text in altered if not issued.is_refused(text)] == []


@given(st.text())
def test_arbitrary_text_is_refused(issued: Issued, text: str) -> None:
    """Arbitrary text is refused and never makes the verifier fail."""
    assert issued.is_refused(text)


SOUND_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
AGENTS = st.builds(Subject, st.just(Audience.AGENT), SOUND_TEXT, SOUND_TEXT)
CUSTOMERS = st.builds(Subject, st.just(Audience.CHAT), SOUND_TEXT, SOUND_TEXT, SOUND_TEXT)
EPOCHS = st.integers(min_value=0, max_value=2**63 - 1)
REVOCATIONS = EPOCHS


def whole_milliseconds(instant: datetime) -> datetime:
    return instant - timedelta(microseconds=instant.microsecond % 1000)


@given(SOUND_TEXT, AGENTS | CUSTOMERS, EPOCHS, REVOCATIONS, INSTANTS, INSTANTS)
def test_claims_survive_serialisation(
    jti: str, subject: Subject, epoch: int, revocation: int, issued_at: datetime, expires_at: datetime
) -> None:
    """Arbitrary claims read back equal, to the millisecond."""
    instants = (whole_milliseconds(issued_at), whole_milliseconds(expires_at))
    claims = Claims(jti, subject, epoch, revocation, *instants)

    assert Claims.from_json(claims.to_json()) == claims


@given(AGENTS | CUSTOMERS, EPOCHS, REVOCATIONS)
def test_token_yields_its_claims(issued: Issued, subject: Subject, epoch: int, revocation: int) -> None:
    """A token for an arbitrary subject yields exactly its claims, and only for its audience."""
    token, claims = issued.parts.issue(subject, epoch, revocation)
    other = Audience.CHAT if subject.audience is Audience.AGENT else Audience.AGENT

    assert issued.parts.verifier.verify(token, subject.audience) == claims
    assert (claims.subject, claims.epoch, claims.revocation) == (subject, epoch, revocation)
    with pytest.raises(Refusal, match=Reason.TOKEN_FORGED):
        issued.parts.verifier.verify(token, other)
