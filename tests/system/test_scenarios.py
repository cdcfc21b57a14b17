"""Scenarios against servers with one fault each: the right scenarios fail, and no other does."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.fakes import (
    AGENT,
    AGENT_PATH,
    CHANNEL,
    CHAT_PATH,
    CUSTOMER,
    ORIGIN,
    OTHER_TENANT,
    TENANT,
    UNLIMITED,
    Enterprise,
)
from tests.support.faulty_enterprise import FAULTS, FaultyEnterprise, served
from validator.accounts.identity import Identity
from validator.operations.simulator import library
from validator.operations.simulator.certificate import system_trust
from validator.operations.simulator.guestpages import GuestPages
from validator.operations.simulator.hometokens import HomeTokens, channel_at, known_at, others_at
from validator.operations.simulator.runner import FAILED, PASSED, SKIPPED, Result, Runner
from validator.operations.simulator.target import Known, Others, Target
from validator.tenants import RecordStatus
from validator.tokens.principals import Operator

KNOWN = Known(TENANT, AGENT.id, CUSTOMER.id, CUSTOMER.name, CHANNEL, ORIGIN)
SOMEBODY_ELSE = Identity("agent-8", "customer-8", "Ann")
EVERY = set(library.shipped()) - {"customer-query", "verification"}  # see test_query_scenarios.py
OF_GUESTS = {"altered-signature", "guest-signing"}
OF_CALLBACKS = EVERY - OF_GUESTS
WITH_ACCEPTED_ONLY = {"burst", "good-tokens", "retries", "slow-body", "text-plain"}
# What each fault must bring to light: exactly these scenarios.
FOUND_BY = {
    "string retCode": OF_CALLBACKS,
    "no message": OF_CALLBACKS,
    "accepts anything": OF_CALLBACKS - WITH_ACCEPTED_ONLY,
    "uses tokens up": {"burst", "duplicate-calls", "five-seconds", "retries", "text-plain"},
    "ignores the tenant": {"integer-ids", "wrong-tenant"},
    "ignores the user": {"wrong-user"},
    "reads any known account as the token's own": {"wrong-tenant", "wrong-user"},
    "ignores the time": {"clock-skew", "expired-token"},
    "ignores the audience": {"other-audience"},
    "ignores the signature": {"altered-token"},
    "insists on JSON's media type": {"text-plain"},
    "limits a token's questions": {"burst"},
    "fails on more fields": {"extra-fields"},
    "fails on numbers": {"integer-ids"},
    "answers in HTML": OF_CALLBACKS - WITH_ACCEPTED_ONLY,
    "answers late": {"five-seconds"},
    "does not wait for the body": {"slow-body"},
    "drops HTTP/1.0": {"old-http"},
}
# A server that is always late fails everything; one scenario is enough to see it.
ONLY = {"answers late": {"five-seconds"}}


def run(
    enterprise: Enterprise,
    authority: str,
    names: set[str],
    *,
    secret_key: str | None = None,
    timeout: timedelta | None = None,
) -> list[Result]:
    """Return the results of the scenarios *names* against the server at *authority*."""
    services = enterprise.services
    target = Target.at(
        f"http://{authority}",
        system_trust(),
        KNOWN,
        others=others_at(services, KNOWN, Others()),
        agent_path=AGENT_PATH,
        chat_path=CHAT_PATH,
        give_up_after=timeout,
    )
    channel = channel_at(services, CHANNEL)
    if channel is not None and secret_key is not None:
        channel = replace(channel, secret_key=secret_key)
    tokens = HomeTokens(services, Operator(), KNOWN)
    runner = Runner(target, tokens, GuestPages(target, channel, enterprise.clock))
    return list(runner.run(library.find(tuple(sorted(names)))))


def failed(results: list[Result]) -> set[str]:
    """Return the scenarios with a step that failed; no step may have been skipped."""
    assert {result.outcome for result in results} <= {PASSED, FAILED}
    return {result.scenario for result in results if result.outcome == FAILED}


@pytest.fixture
def enterprise(found_enterprise: Callable[..., Enterprise]) -> Enterprise:
    """Return an enterprise without limits: every fault is asked several hundred questions.

    A second person is in it, to whom the first one's tokens are shown.
    """
    enterprise = found_enterprise(UNLIMITED)
    enterprise.services.accounts.add("zhao", TENANT, "no password fits", SOMEBODY_ELSE)
    return enterprise


def test_server_without_a_fault_passes_every_scenario(enterprise: Enterprise) -> None:
    """The control: with no fault, nothing fails and nothing is skipped."""
    with served(FaultyEnterprise(enterprise)) as authority:
        results = run(enterprise, authority, EVERY)

    assert [result for result in results if result.outcome != PASSED] == []


@pytest.mark.timed  # each question has 5 s, of 200 at once too
@pytest.mark.parametrize("fault", FAULTS)
def test_fault_fails_the_right_scenarios(enterprise: Enterprise, fault: str) -> None:
    """Each fault is found by the scenarios about it, and by no other."""
    timeout = timedelta(milliseconds=300) if fault == "answers late" else None

    with served(FaultyEnterprise(enterprise, fault)) as authority:
        results = run(enterprise, authority, ONLY.get(fault, EVERY), timeout=timeout)

    assert failed(results) == FOUND_BY[fault], [one for one in results if one.outcome == FAILED]


def test_known_account_is_noticed_by_who_exists_only(enterprise: Enterprise) -> None:
    """Invented names do not bring it to light that any account will do: exactly the other steps do."""
    fault = "reads any known account as the token's own"

    with served(FaultyEnterprise(enterprise, fault)) as authority:
        results = run(enterprise, authority, {"wrong-user", "wrong-tenant"})

    assert [one.step for one in results if one.outcome == FAILED] == [
        "an agent's token for another tenant there is",
        "a customer's token for another tenant there is",
        "an agent's token for another agent who exists",
        "a customer's token for another customer who exists",
    ]


def test_nobody_else_is_skipped(found_enterprise: Callable[..., Enterprise]) -> None:
    """With one account only, the steps about somebody else say that nobody is there to try them with."""
    enterprise = found_enterprise(UNLIMITED)

    with served(FaultyEnterprise(enterprise)) as authority:
        results = run(enterprise, authority, {"wrong-user", "wrong-tenant"})

    assert [(one.step, one.got) for one in results if one.outcome != PASSED] == [
        ("an agent's token for another agent who exists", "nobody else is known: give --other-user-account"),
        (
            "a customer's token for another customer who exists",
            "nobody else is known: give --other-user-id and --other-user-name",
        ),
    ]
    assert {one.outcome for one in results} == {PASSED, SKIPPED}


def test_every_callback_scenario_is_failed_by_some_fault() -> None:
    """No scenario is there that nothing could fail, but the main job itself."""
    particular = [names for names in FOUND_BY.values() if names != OF_CALLBACKS]

    assert OF_CALLBACKS - set().union(*particular) == {"good-tokens"}


def test_signing_anybody_fails_the_guests_scenario(found_enterprise: Callable[..., Enterprise]) -> None:
    """A server that signs whatever id a page asks for is found."""
    enterprise = found_enterprise({**UNLIMITED, "webchat.free_guest_ids": "true"})

    with served(FaultyEnterprise(enterprise)) as authority:
        results = run(enterprise, authority, OF_GUESTS)

    assert failed(results) == {"guest-signing"}


def test_signing_with_another_key_fails_both_guests_scenarios(enterprise: Enterprise) -> None:
    """A server whose channel has another key than the cloud's is found, already by the unaltered line."""
    with served(FaultyEnterprise(enterprise)) as authority:
        results = run(enterprise, authority, OF_GUESTS, secret_key="A" * 43)

    assert failed(results) == OF_GUESTS
    first = next(result for result in results if result.scenario == "altered-signature")
    assert (first.step, first.outcome) == ("unaltered", FAILED)
    assert "signature" in first.got


def test_who_is_known_is_found_in_the_home(enterprise: Enterprise) -> None:
    """By default the runner takes the home's first account, its tenant, its channel and page."""
    assert known_at(enterprise.services, None) == KNOWN
    assert known_at(enterprise.services, Known(TENANT, user_account="other")) == replace(
        KNOWN, user_account="other"
    )


def test_who_else_is_there_is_found_in_the_home(enterprise: Enterprise) -> None:
    """By default the runner takes the next account of the tenant, and another tenant in use."""
    services = enterprise.services

    assert others_at(services, KNOWN, Others()) == Others("agent-8", "customer-8", "Ann", OTHER_TENANT)
    assert others_at(services, KNOWN, Others("named", tenant="3")) == Others(
        "named", "customer-8", "Ann", "3"
    )


def test_who_is_not_in_use_is_nobody_else(enterprise: Enterprise) -> None:
    """A disabled account or tenant is refused for being so, which would say nothing of the token."""
    services = enterprise.services
    services.accounts.set_status("zhao", RecordStatus.DISABLED)
    services.tenants.set_status(OTHER_TENANT, RecordStatus.DISABLED)

    assert others_at(services, KNOWN, Others()) == Others()


def test_tenant_with_a_namesake_is_the_other_tenant(enterprise: Enterprise) -> None:
    """If the other tenant has an account of the same name, only the token's tenant distinguishes the two."""
    services = enterprise.services
    services.tenants.add("202400000009", "Ninth")
    services.accounts.add("li.wei.9", "202400000009", "no password fits", Identity(AGENT.id))

    assert others_at(services, KNOWN, Others()).tenant == "202400000009"
