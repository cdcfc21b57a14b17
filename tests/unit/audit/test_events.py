"""The names in the trail, and the exchange that entries belong to."""

import threading
from contextvars import Context

import pytest

from validator.audit.events import Event, EventName, Outcome
from validator.errors import Reason
from validator.exchange import Exchange, current_exchange


def test_outcome_without_a_reason_is_accepted() -> None:
    """An outcome is accepted exactly if there is no reason against it."""
    assert Outcome.of(None) is Outcome.ACCEPTED
    assert {Outcome.of(reason) for reason in Reason} == {Outcome.REFUSED}


def test_names_are_stable_lower_case_words() -> None:
    """Names in the trail are unique lower-case words, so that a search years later finds them."""
    names = [name.value for name in EventName]

    assert all(name.replace("_", "").isalpha() and name.islower() for name in names)
    assert len(names) == len(set(names))


def test_event_is_immutable() -> None:
    """An event cannot be changed."""
    event = Event(EventName.LOGIN, Outcome.ACCEPTED)

    with pytest.raises(AttributeError):
        event.subject = "somebody"  # type: ignore[misc]


def test_event_has_no_field_for_a_secret() -> None:
    """An event has only these fields; a new one must not carry a token, secret or signature."""
    assert set(Event._fields) >= {"name", "outcome", "reason", "tenant", "subject"}
    assert not set(Event._fields) & {"token", "password", "secret", "signature", "line"}


def test_outside_a_request_there_is_no_exchange() -> None:
    """An operator's command has dashes instead of request id, source and role."""
    assert Context().run(current_exchange.get) == Exchange("-", "-", "-")


def test_exchange_belongs_to_one_thread() -> None:
    """One thread's exchange is invisible to another thread."""
    seen: list[Exchange] = []
    token = current_exchange.set(Exchange("request-1", "192.0.2.1", "all"))
    try:
        thread = threading.Thread(target=lambda: seen.append(current_exchange.get()))
        thread.start()
        thread.join()
    finally:
        current_exchange.reset(token)

    assert seen == [Exchange()]
