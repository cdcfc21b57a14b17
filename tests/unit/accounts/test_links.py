"""Links: one of the cloud's accounts belongs to at most one person, and a person may have several."""

from collections.abc import Callable

import pytest

from tests.support.fakes import OTHER_TENANT, START, TENANT, FakeClock
from validator.accounts.account import Account, Accounts
from validator.accounts.identity import Identity
from validator.accounts.links import Link, Links
from validator.errors import OperatorError
from validator.store.database import Database
from validator.tenants import Tenants


@pytest.fixture
def links(database: Database, clock: FakeClock) -> Links:
    """Return the table of links."""
    return Links(database, clock)


@pytest.fixture
def agent(accounts: Accounts) -> Account:
    """Return an account that is an agent of the cloud."""
    return accounts.add("ann", TENANT, "hash-1", Identity(user_account="agent-1"))


def test_own_user_account_is_a_link(links: Links, agent: Account, person: Account) -> None:
    """An account added with an agent's identity is linked to it; another identity has no link."""
    assert links.of(agent.id) == ("agent-1",)
    assert links.of(person.id) == ()
    assert links.list() == [Link(TENANT, "agent-1", agent.id, START)]


def test_person_has_several_links(links: Links, agent: Account, clock: FakeClock) -> None:
    """Several of the cloud's accounts are linked to one person, sorted by code."""
    clock.advance(hours=1)
    for code in ("agent-3", "11", "坐席-2"):
        links.add(agent.id, TENANT, code)

    assert links.of(agent.id) == ("11", "agent-1", "agent-3", "坐席-2")
    assert [link.linked_at for link in links.list()] == [clock.now(), START, clock.now(), clock.now()]


def test_link_belongs_to_one_person(links: Links, agent: Account, person: Account) -> None:
    """A linked code cannot be linked to another person, nor twice to the same one."""
    links.add(agent.id, TENANT, "11")

    for account in (agent, person):
        for code in ("11", "agent-1"):
            with pytest.raises(OperatorError, match=f"{code} is linked to an account already"):
                links.add(account.id, TENANT, code)

    assert links.of(person.id) == ()


def test_linked_code_cannot_be_another_accounts_identity(
    links: Links, agent: Account, accounts: Accounts
) -> None:
    """Adding an account with a linked agent's identity is refused and writes nothing."""
    links.add(agent.id, TENANT, "11")

    with pytest.raises(OperatorError, match="or one of its identities, exists already"):
        accounts.add("bob", TENANT, "hash-2", Identity(user_account="11"))

    assert accounts.find("bob") is None
    assert links.of(agent.id) == ("11", "agent-1")


def test_codes_are_separate_per_tenant(
    links: Links, agent: Account, accounts: Accounts, tenants: Tenants
) -> None:
    """The same code in another tenant is another agent."""
    tenants.add(OTHER_TENANT, "Second")
    other = accounts.add("bob", OTHER_TENANT, "hash-2", Identity(user_account="agent-1"))

    assert links.of(other.id) == links.of(agent.id) == ("agent-1",)
    assert [link.account for link in links.list(OTHER_TENANT)] == [other.id]
    assert len(links.list()) == 2


def test_removed_link_is_free_again(links: Links, agent: Account, person: Account) -> None:
    """A removed link may be given to another person."""
    links.add(agent.id, TENANT, "11")

    links.remove(agent.id, TENANT, "11")

    assert links.of(agent.id) == ("agent-1",)
    links.add(person.id, TENANT, "11")
    assert links.of(person.id) == ("11",)


Removal = Callable[[Links, Account, Account], None]


@pytest.mark.parametrize(
    "remove",
    [
        lambda links, agent, person: links.remove(agent.id, TENANT, "12"),
        lambda links, agent, person: links.remove(agent.id, OTHER_TENANT, "11"),
        lambda links, agent, person: links.remove(person.id, TENANT, "11"),
    ],
    ids=["code", "tenant", "person"],
)
def test_missing_link_cannot_be_removed(
    links: Links, agent: Account, person: Account, remove: Removal
) -> None:
    """A wrong code, tenant or person is an error, and the link stays."""
    links.add(agent.id, TENANT, "11")

    with pytest.raises(OperatorError, match="is not linked to this account"):
        remove(links, agent, person)

    assert links.of(agent.id) == ("11", "agent-1")


@pytest.mark.parametrize("code", ["", " 11", "1\n1", "x" * 101])
def test_code_must_be_a_valid_identity(links: Links, person: Account, code: str) -> None:
    """A code has the form of every agent's identity."""
    with pytest.raises(OperatorError, match="an identity has 1 to 100 printable characters"):
        links.add(person.id, TENANT, code)

    links.add(person.id, TENANT, "x" * 100)
    assert links.of(person.id) == ("x" * 100,)
