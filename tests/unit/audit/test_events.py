"""The words of the trail, and the exchange that entries belong to."""

import threading
from contextvars import Context
from dataclasses import FrozenInstanceError, fields

import pytest

from validator.audit.events import Event, EventName, Outcome
from validator.errors import Reason
from validator.exchange import Exchange, current_exchange


def test_without_a_reason_it_was_accepted() -> None:
    """An outcome is accepted exactly when there is no reason against it."""
    assert Outcome.of(None) is Outcome.ACCEPTED
    assert {Outcome.of(reason) for reason in Reason} == {Outcome.REFUSED}


def test_names_are_words_for_ever() -> None:
    """Names in the trail are lower-case words, each once: whoever searches it years later finds them."""
    names = [name.value for name in EventName]

    assert all(name.replace("_", "").isalpha() and name.islower() for name in names)
    assert len(names) == len(set(names))


def test_event_cannot_be_changed() -> None:
    """What happened stays as it happened."""
    event = Event(EventName.LOGIN, Outcome.ACCEPTED)

    with pytest.raises(FrozenInstanceError):
        event.subject = "somebody"  # type: ignore[misc]


def test_event_has_no_place_for_a_secret() -> None:
    """An event has these fields and no other; a new one must not be for a token, secret or signature."""
    assert {field.name for field in fields(Event)} >= {"name", "outcome", "reason", "tenant", "subject"}
    assert not {field.name for field in fields(Event)} & {"token", "password", "secret", "signature", "line"}


def test_outside_of_a_request_there_is_no_exchange() -> None:
    """A command of an operator has dashes where a request has its id, source and role."""
    assert Context().run(current_exchange.get) == Exchange("-", "-", "-")


def test_exchange_is_of_its_own_thread() -> None:
    """What one thread answers is not told of another."""
    seen: list[Exchange] = []
    token = current_exchange.set(Exchange("request-1", "192.0.2.1", "all"))
    try:
        thread = threading.Thread(target=lambda: seen.append(current_exchange.get()))
        thread.start()
        thread.join()
    finally:
        current_exchange.reset(token)

    assert seen == [Exchange()]
