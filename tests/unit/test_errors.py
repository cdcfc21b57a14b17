"""The catalogue of refusals is complete, unambiguous, and coarse to the outside."""

from collections import Counter
from datetime import timedelta

import pytest

from validator.errors import (
    _ANSWERS,
    PUBLIC_ERROR_OF,
    ConfigurationError,
    Fault,
    PublicError,
    Reason,
    Refusal,
    RetCode,
    ValidatorError,
)


def test_every_reason_has_exactly_one_answer() -> None:
    """No reason is without an answer, and none is listed under two."""
    listed = Counter(reason for reasons in _ANSWERS.values() for reason in reasons)

    assert listed == Counter(Reason)
    assert PUBLIC_ERROR_OF.keys() == set(Reason)


def test_every_answer_is_used() -> None:
    """There is no answer that no reason leads to."""
    assert set(PUBLIC_ERROR_OF.values()) == set(PublicError)


def test_no_answer_or_reason_is_an_alias() -> None:
    """Two names with equal values would silently become one member."""
    assert set(PublicError.__members__) == {answer.name for answer in PublicError}
    assert set(Reason.__members__) == {reason.name for reason in Reason}


@pytest.mark.parametrize("reason", Reason)
def test_reason_is_its_own_name_in_small_letters(reason: Reason) -> None:
    """The word in the audit trail can be found in the code by searching for it."""
    assert reason.value == reason.name.lower()


@pytest.mark.parametrize("answer", PublicError)
def test_no_refusal_looks_like_success(answer: PublicError) -> None:
    """Every answer has a failing retCode, words to show, and only a verdict is a 200."""
    shape = answer.value

    assert shape.ret_code is not RetCode.ACCEPTED
    assert shape.title.strip()
    assert shape.status >= 400 or answer is PublicError.VALIDATION_REFUSED


def test_ret_codes_are_the_published_ones() -> None:
    """The numbers are stable: the cloud knows 0, operators know the others."""
    assert {code.name: int(code) for code in RetCode} == {
        "ACCEPTED": 0,
        "MALFORMED": 1,
        "REFUSED": 2,
        "THROTTLED": 3,
        "UNAVAILABLE": 4,
    }


def test_ret_code_agrees_with_the_status() -> None:
    """A server's own trouble is never told as the caller's, nor the other way round."""
    for answer in PublicError:
        is_ours = answer.value.ret_code is RetCode.UNAVAILABLE
        assert (answer.value.status >= 500) is is_ours


def test_what_is_wrong_with_a_token_cannot_be_told_apart() -> None:
    """Expired, forged, revoked and somebody else's are one answer."""
    about_a_token = [reason for reason in Reason if reason.startswith("token_")]
    mismatches = [Reason.TENANT_MISMATCH, Reason.SUBJECT_MISMATCH, Reason.NAME_MISMATCH]

    assert {PUBLIC_ERROR_OF[reason] for reason in about_a_token + mismatches} == {
        PublicError.VALIDATION_REFUSED
    }


def test_unknown_account_and_wrong_password_cannot_be_told_apart() -> None:
    """A login gives no way to find out which accounts exist."""
    assert (
        PUBLIC_ERROR_OF[Reason.ACCOUNT_UNKNOWN]
        is PUBLIC_ERROR_OF[Reason.PASSWORD_WRONG]
        is PublicError.LOGIN_REFUSED
    )


@pytest.mark.parametrize("kind", [Refusal, Fault])
def test_raised_reason_brings_its_answer(kind: type[ValidatorError]) -> None:
    """Whoever catches it finds the reason, the answer, and when to try again."""
    error = kind(Reason.THROTTLED, retry_after=timedelta(seconds=9))

    assert isinstance(error, ValidatorError)
    assert (error.reason, error.answer) == (Reason.THROTTLED, PublicError.THROTTLED)
    assert (error.detail, error.retry_after) == (None, timedelta(seconds=9))
    assert str(error) == "throttled"


def test_detail_follows_the_reason_in_words() -> None:
    """A log line of the error has both."""
    assert str(Refusal(Reason.FIELD_INVALID, "name: empty")) == "field_invalid: name: empty"


def test_refusal_and_fault_are_not_each_other() -> None:
    """An outcome is never caught as something broken, nor the other way round."""
    assert not issubclass(Refusal, Fault)
    assert not issubclass(Fault, Refusal)


def test_configuration_error_names_every_problem() -> None:
    """All problems are told at once, one line each; no request's handler may take it for a refusal."""
    error = ConfigurationError(["a is missing", "b is not a number"])

    assert error.problems == ["a is missing", "b is not a number"]
    assert str(error) == "a is missing\nb is not a number"
    assert not isinstance(error, ValidatorError)
