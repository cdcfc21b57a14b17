"""The stored agents: what a list changes, what it must not remove, and how a SIP password is stored."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text, update

from tests.support.fakes import OTHER_TENANT, START, TENANT, FakeClock
from tests.unit.cloud.conftest import POLICY
from validator.cloud.agents import Agent, Agents, Changes, Difference, table
from validator.cloud.wire import ListedAgent
from validator.errors import Fault, OperatorError, Reason
from validator.keys.encryption import SecretEncryption
from validator.store.database import Database
from validator.tenants import Tenants

SIP_PASSWORD = "a-sip-password-of-11"


def listed(*codes: str) -> tuple[ListedAgent, ...]:
    """Return listed agents with these codes."""
    return tuple(ListedAgent(code, f"10{code}", f"10{code}") for code in codes)


def numbered(count: int) -> tuple[ListedAgent, ...]:
    return listed(*(f"{number:05}" for number in range(count)))


def codes(agents: Agents, tenant: str | None = TENANT) -> list[str]:
    return [agent.account_code for agent in agents.list(tenant)]


def ciphertexts(database: Database) -> list[bytes | None]:
    """Return the stored SIP passwords, sorted by code."""
    with database.read() as connection:
        rows = connection.execute(text("SELECT sealed_sip_password FROM agents ORDER BY account_code"))
        return [None if box is None else bytes(box) for box in rows.scalars()]


# What a list changes


def test_first_list_is_stored(agents: Agents) -> None:
    """Every listed agent is stored with its numbers and the time."""
    changes = agents.sync(TENANT, [ListedAgent("11", "1001", "8001"), ListedAgent("12", "1002")])

    assert changes == Changes(added=2, changed=0, unchanged=0, removed=())
    assert agents.list() == [
        Agent(TENANT, "11", "1001", "8001", has_sip_password=False, synced_at=START),
        Agent(TENANT, "12", "1002", None, has_sip_password=False, synced_at=START),
    ]


def test_next_list_replaces_the_first(agents: Agents, clock: FakeClock) -> None:
    """The next list adds, changes and removes agents, and all get its time."""
    agents.sync(TENANT, numbered(10))
    clock.advance(hours=1)
    now = (*numbered(8), ListedAgent("00008", "77", None), ListedAgent("00011", "1"))

    changes = agents.sync(TENANT, now)

    assert changes == Changes(added=1, changed=1, unchanged=8, removed=("00009",))
    kept = {agent.account_code: agent for agent in agents.list()}
    assert kept.keys() == {one.account_code for one in now}
    assert (kept["00008"].work_no, kept["00008"].sip_account) == ("77", None)
    assert {agent.synced_at for agent in kept.values()} == {clock.now()}


def test_same_list_changes_nothing(agents: Agents) -> None:
    """An agent is identified by its code, not by the time of the list."""
    agents.sync(TENANT, numbered(10))

    assert agents.sync(TENANT, numbered(10)) == Changes(0, 0, 10, ())
    assert len(agents.list()) == 10


def test_tenants_have_separate_lists(agents: Agents) -> None:
    """A tenant's list does not affect another tenant's agents, even with the same code."""
    agents.sync(OTHER_TENANT, listed("11", "12"))
    agents.sync(TENANT, [ListedAgent("11", "9")])

    agents.sync(TENANT, [ListedAgent("11", "8")])

    assert [(agent.account_code, agent.work_no) for agent in agents.list(OTHER_TENANT)] == [
        ("11", "1011"),
        ("12", "1012"),
    ]
    assert [agent.work_no for agent in agents.list(TENANT)] == ["8"]
    assert [(agent.tenant, agent.account_code) for agent in agents.list()] == [
        (TENANT, "11"),
        (OTHER_TENANT, "11"),
        (OTHER_TENANT, "12"),
    ]


def test_unknown_tenant_has_no_list(agents: Agents) -> None:
    """Agents of an unknown tenant are not stored."""
    with pytest.raises(OperatorError, match="there is no tenant 999"):
        agents.sync("999", listed("11"))

    assert agents.list() == []


def test_long_list_reports_progress(agents: Agents) -> None:
    """The caller gets the progress after every five hundred agents."""
    told: list[tuple[int, int]] = []

    agents.sync(TENANT, numbered(1200), progress=lambda done, total: told.append((done, total)))

    assert told == [(500, 1200), (1000, 1200), (1200, 1200)]
    assert len(agents.list()) == 1200


def test_list_that_fails_half_way_changes_nothing(agents: Agents) -> None:
    """A list is stored as a whole or not at all."""
    agents.sync(TENANT, numbered(1000))

    def fail(done: int, total: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        agents.sync(TENANT, (*numbered(900), *listed("x")), progress=fail)

    assert codes(agents) == [one.account_code for one in numbered(1000)]
    assert agents.sync(TENANT, (*numbered(900), *listed("x"))).added == 1


# Removal


@pytest.mark.parametrize(("left", "is_refused"), [(10, False), (9, False), (8, False), (7, True), (1, True)])
def test_large_removal_is_refused(agents: Agents, left: int, is_refused: bool) -> None:
    """A list that lacks more than a fifth of the agents changes nothing; exactly a fifth may be removed."""
    agents.sync(TENANT, numbered(10))
    now = (*numbered(left), *listed("new"))

    if is_refused:
        with pytest.raises(OperatorError) as refused:
            agents.sync(TENANT, now)
        assert str(refused.value) == (
            f"the cloud's list lacks {10 - left} of the 10 agents stored here, more than 20 % "
            "(cloud.max_removal): nothing was changed; if they really left, use --force"
        )
    else:
        agents.sync(TENANT, now)

    assert codes(agents) == [one.account_code for one in (numbered(10) if is_refused else now)]


def test_forced_removal_is_executed(agents: Agents) -> None:
    """With force any number of agents is removed."""
    agents.sync(TENANT, numbered(10))

    assert agents.sync(TENANT, numbered(1), force=True).removed == tuple(f"{n:05}" for n in range(1, 10))
    assert codes(agents) == ["00000"]


@pytest.mark.parametrize("max_removal", [0, 20, 99])
def test_empty_list_is_refused(
    database: Database, tenants: Tenants, encryption: SecretEncryption, clock: FakeClock, max_removal: int
) -> None:
    """An empty list never removes all agents without force, whatever the setting."""
    policy = replace(POLICY, max_removal=max_removal)
    agents = Agents(database, tenants, encryption, policy, clock)
    assert agents.sync(TENANT, []) == Changes(0, 0, 0, ())
    agents.sync(TENANT, numbered(3))

    with pytest.raises(OperatorError, match="the cloud's list lacks 3 of the 3 agents"):
        agents.sync(TENANT, [])

    assert len(agents.list()) == 3
    assert len(agents.sync(TENANT, [], force=True).removed) == 3
    assert agents.list() == []


def test_share_is_the_setting(
    database: Database, tenants: Tenants, encryption: SecretEncryption, clock: FakeClock
) -> None:
    """With 0 % no agent may be removed; with 50 % half may be."""
    strict, lax = (
        Agents(database, tenants, encryption, replace(POLICY, max_removal=share), clock) for share in (0, 50)
    )
    strict.sync(TENANT, numbered(10))

    with pytest.raises(OperatorError):
        strict.sync(TENANT, numbered(9))

    assert len(lax.sync(TENANT, numbered(5)).removed) == 5


# SIP passwords


@pytest.fixture
def storing(database: Database, tenants: Tenants, encryption: SecretEncryption, clock: FakeClock) -> Agents:
    """Return the table of agents with the setting that stores SIP passwords."""
    return Agents(database, tenants, encryption, replace(POLICY, keep_sip_passwords=True), clock)


def test_sip_password_is_not_stored(agents: Agents, database: Database) -> None:
    """By default the cloud's password is in no row."""
    agents.sync(TENANT, [ListedAgent("11", "1001", "1001", SIP_PASSWORD)])

    (agent,) = agents.list()
    assert not agent.has_sip_password
    assert agents.sip_password(agent) is None
    assert ciphertexts(database) == [None]


def test_stored_sip_password_is_encrypted(storing: Agents, database: Database) -> None:
    """With the setting it is stored encrypted, and decrypts."""
    storing.sync(TENANT, [ListedAgent("11", "1001", "1001", SIP_PASSWORD), ListedAgent("12", "1002")])

    with_password, without = storing.list()
    assert (with_password.has_sip_password, without.has_sip_password) == (True, False)
    assert storing.sip_password(with_password) == SIP_PASSWORD
    assert storing.sip_password(without) is None
    box, nothing = ciphertexts(database)
    assert nothing is None
    assert box is not None
    assert SIP_PASSWORD.encode() not in box


def test_encrypted_password_decrypts_in_its_row_only(storing: Agents, database: Database) -> None:
    """A password moved to another agent's or tenant's row does not decrypt."""
    storing.sync(TENANT, [ListedAgent("11", "1001", None, SIP_PASSWORD)])
    (box,) = ciphertexts(database)
    storing.sync(TENANT, [*listed("11", "12")])
    storing.sync(OTHER_TENANT, [*listed("11")])
    with database.write() as connection:
        connection.execute(update(table).values(sealed_sip_password=box))

    own, *others = storing.list()

    assert storing.sip_password(own) == SIP_PASSWORD
    for other in others:
        with pytest.raises(Fault) as fault:
            storing.sip_password(other)
        assert fault.value.reason is Reason.KEYS_UNAVAILABLE


def test_switching_off_deletes_the_passwords(storing: Agents, agents: Agents, database: Database) -> None:
    """The next list after the setting was switched off deletes all stored passwords."""
    one = [ListedAgent("11", "1001", "1001", SIP_PASSWORD)]
    storing.sync(TENANT, one)
    assert storing.sync(TENANT, one).unchanged == 1
    assert ciphertexts(database) != [None]

    assert agents.sync(TENANT, one).changed == 1

    assert ciphertexts(database) == [None]


def test_without_the_key_nothing_is_stored(storing: Agents, tmp_path: Path) -> None:
    """A password that cannot be encrypted is a fault, and no agent of the list is stored."""
    (tmp_path / "keys" / "sealing.key").unlink()

    with pytest.raises(Fault) as fault:
        storing.sync(TENANT, [*listed("10"), ListedAgent("11", "1001", None, SIP_PASSWORD)])

    assert fault.value.reason is Reason.KEYS_UNAVAILABLE
    assert storing.list() == []


# Differences


def test_difference_is_returned_both_ways(agents: Agents) -> None:
    """The result has agents only in the cloud and codes only here, for one tenant."""
    agents.sync(TENANT, listed("11", "12", "13"))
    agents.sync(OTHER_TENANT, listed("14"))

    difference = agents.difference(TENANT, {"12", "15", "14"})

    assert [agent.account_code for agent in difference.only_in_cloud] == ["11", "13"]
    assert difference.only_here == ("14", "15")
    assert agents.difference(TENANT, {"11", "12", "13"}) == Difference((), ())


def test_agent_is_known_by_tenant_and_code(agents: Agents) -> None:
    """A code exists in its tenant only, and its case matters."""
    agents.sync(TENANT, listed("a1"))

    assert agents.has(TENANT, "a1")
    assert not agents.has(OTHER_TENANT, "a1")
    assert not agents.has(TENANT, "A1")
    assert not agents.has(TENANT, "1")
