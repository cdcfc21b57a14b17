"""Links: one of the cloud's accounts is one person's at the most, and a person may have several."""

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
    """An account that is added with an agent's identity is linked to it; another one to nobody."""
    assert links.of(agent.id) == ("agent-1",)
    assert links.of(person.id) == ()
    assert links.list() == [Link(TENANT, "agent-1", agent.id, START)]


def test_person_has_several(links: Links, agent: Account, clock: FakeClock) -> None:
    """More of the cloud's accounts are linked to the same person, listed by their codes."""
    clock.advance(hours=1)
    for code in ("agent-3", "11", "坐席-2"):
        links.add(agent.id, TENANT, code)

    assert links.of(agent.id) == ("11", "agent-1", "agent-3", "坐席-2")
    assert [link.linked_at for link in links.list()] == [clock.now(), START, clock.now(), clock.now()]


def test_link_is_one_person_s(links: Links, agent: Account, person: Account) -> None:
    """What is linked is linked to nobody else, nor twice to the same person."""
    links.add(agent.id, TENANT, "11")

    for account in (agent, person):
        for code in ("11", "agent-1"):
            with pytest.raises(OperatorError, match=f"{code} is linked to an account already"):
                links.add(account.id, TENANT, code)

    assert links.of(person.id) == ()


def test_linked_code_is_no_other_account_s_own(links: Links, agent: Account, accounts: Accounts) -> None:
    """An account is not added with an agent's identity that is linked to somebody; nothing of it stays."""
    links.add(agent.id, TENANT, "11")

    with pytest.raises(OperatorError, match="or one of its identities, exists already"):
        accounts.add("bob", TENANT, "hash-2", Identity(user_account="11"))

    assert accounts.find("bob") is None
    assert links.of(agent.id) == ("11", "agent-1")


def test_tenants_have_codes_of_their_own(
    links: Links, agent: Account, accounts: Accounts, tenants: Tenants
) -> None:
    """The same code in another tenant is another agent."""
    tenants.add(OTHER_TENANT, "Second")
    other = accounts.add("bob", OTHER_TENANT, "hash-2", Identity(user_account="agent-1"))

    assert links.of(other.id) == links.of(agent.id) == ("agent-1",)
    assert [link.account for link in links.list(OTHER_TENANT)] == [other.id]
    assert len(links.list()) == 2


def test_undone_link_is_free_again(links: Links, agent: Account, person: Account) -> None:
    """Once undone, a link may be another person's."""
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
def test_link_that_is_none_cannot_be_undone(
    links: Links, agent: Account, person: Account, remove: Removal
) -> None:
    """Another code, tenant or person is told, and the link stays."""
    links.add(agent.id, TENANT, "11")

    with pytest.raises(OperatorError, match="is not linked to this account"):
        remove(links, agent, person)

    assert links.of(agent.id) == ("11", "agent-1")


@pytest.mark.parametrize("code", ["", " 11", "1\n1", "x" * 101])
def test_code_is_an_identity(links: Links, person: Account, code: str) -> None:
    """A code has the form of every agent's identity."""
    with pytest.raises(OperatorError, match="an identity has 1 to 100 printable characters"):
        links.add(person.id, TENANT, code)

    links.add(person.id, TENANT, "x" * 100)
    assert links.of(person.id) == ("x" * 100,)
