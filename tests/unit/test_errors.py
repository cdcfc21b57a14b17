"""The catalogue of refusals: complete, unambiguous, and coarse for the caller."""

from collections import Counter
from datetime import timedelta

import pytest

from validator.errors import (
    _REASONS,
    PUBLIC_ERROR_OF,
    ConfigurationError,
    Fault,
    PublicError,
    Reason,
    Refusal,
    RetCode,
    ValidatorError,
)


def test_every_reason_has_exactly_one_public_error() -> None:
    """No reason is without a public error, and none has two."""
    listed = Counter(reason for reasons in _REASONS.values() for reason in reasons)

    assert listed == Counter(Reason)
    assert PUBLIC_ERROR_OF.keys() == set(Reason)


def test_every_public_error_is_used() -> None:
    """Every public error has a reason."""
    assert set(PUBLIC_ERROR_OF.values()) == set(PublicError)


def test_no_public_error_or_reason_is_an_alias() -> None:
    """Two names with equal values would silently become one member."""
    assert set(PublicError.__members__) == {answer.name for answer in PublicError}
    assert set(Reason.__members__) == {reason.name for reason in Reason}


@pytest.mark.parametrize("reason", Reason)
def test_reason_is_its_name_in_lower_case(reason: Reason) -> None:
    """A reason in the audit trail can be found in the code by a search."""
    assert reason.value == reason.name.lower()


@pytest.mark.parametrize("answer", PublicError)
def test_no_refusal_looks_like_success(answer: PublicError) -> None:
    """Every public error has a failing retCode and a text, and only a verdict has status 200."""
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
    """A server's failure is never reported as the caller's, nor the reverse."""
    for answer in PublicError:
        is_ours = answer.value.ret_code is RetCode.UNAVAILABLE
        assert (answer.value.status >= 500) is is_ours


def test_reasons_against_a_token_are_indistinguishable() -> None:
    """Expired, forged, revoked and another person's tokens have one public error (oracle)."""
    about_a_token = [reason for reason in Reason if reason.startswith("token_")]
    mismatches = [Reason.TENANT_MISMATCH, Reason.SUBJECT_MISMATCH, Reason.NAME_MISMATCH]

    assert {PUBLIC_ERROR_OF[reason] for reason in about_a_token + mismatches} == {
        PublicError.VALIDATION_REFUSED
    }


def test_unknown_account_and_wrong_password_are_indistinguishable() -> None:
    """A login does not reveal which accounts exist (user enumeration)."""
    assert (
        PUBLIC_ERROR_OF[Reason.ACCOUNT_UNKNOWN]
        is PUBLIC_ERROR_OF[Reason.PASSWORD_WRONG]
        is PublicError.LOGIN_REFUSED
    )


@pytest.mark.parametrize("kind", [Refusal, Fault])
def test_exception_has_reason_public_error_and_retry_after(kind: type[ValidatorError]) -> None:
    """The exception has the reason, the public error and the time to wait."""
    error = kind(Reason.THROTTLED, retry_after=timedelta(seconds=9))

    assert isinstance(error, ValidatorError)
    assert (error.reason, error.answer) == (Reason.THROTTLED, PublicError.THROTTLED)
    assert (error.detail, error.retry_after) == (None, timedelta(seconds=9))
    assert str(error) == "throttled"


def test_text_has_reason_and_detail() -> None:
    """A log line of the error has both."""
    assert str(Refusal(Reason.FIELD_INVALID, "name: empty")) == "field_invalid: name: empty"


def test_refusal_and_fault_are_separate() -> None:
    """An outcome is never caught as a fault, nor the reverse."""
    assert not issubclass(Refusal, Fault)
    assert not issubclass(Fault, Refusal)


def test_configuration_error_names_every_problem() -> None:
    """All problems are reported at once, one line each; it is not a refusal to a request handler."""
    error = ConfigurationError(["a is missing", "b is not a number"])

    assert error.problems == ["a is missing", "b is not a number"]
    assert str(error) == "a is missing\nb is not a number"
    assert not isinstance(error, ValidatorError)
