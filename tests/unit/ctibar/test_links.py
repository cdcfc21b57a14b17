"""The table of links, on both databases: one flight at a time, one login, secrets bound to their rows."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from tests.support.fakes import LOGIN, TENANT, FakeClock
from validator.accounts.account import Account, Accounts
from validator.accounts.identity import Identity
from validator.ctibar.centrewire import CentreLogin
from validator.ctibar.links import PAUSE, CentreLink, CentreLinks, table
from validator.errors import Fault, OperatorError, Reason
from validator.keys.encryption import SecretEncryption
from validator.store.database import Database
from validator.tenants import Tenants

DIGEST, USER, HANDS = "5aa2b89ba2f5a1b2a2cd7a1c8c7a3ca0", "at-centre", 8
LONG = timedelta(seconds=10)


@pytest.fixture
def accounts(database: Database, clock: FakeClock, tenants: Tenants) -> Accounts:
    """Return the table of accounts, with one."""
    found = Accounts(database, tenants, clock, lambda _: False)
    found.add(LOGIN, TENANT, "hash", Identity())
    return found


@pytest.fixture
def account(accounts: Accounts) -> Account:
    """Return the account."""
    return accounts.require(LOGIN)


@pytest.fixture
def links(
    database: Database, encryption: SecretEncryption, clock: FakeClock, account: Account
) -> CentreLinks:
    """Return the table of links, with one."""
    links = CentreLinks(database, encryption, clock)
    links.put(account, USER, DIGEST)
    return links


def read(links: CentreLinks, account: Account) -> CentreLink:
    """Return the link of *account*."""
    link = links.find(account)
    assert link is not None
    return link


def login(clock: FakeClock, token: str = "token") -> CentreLogin:
    """Return a login for an hour."""
    return CentreLogin(token, "1001", clock.now() + timedelta(hours=1))


def test_one_of_many_takes_off(links: CentreLinks, account: Account, clock: FakeClock) -> None:
    """Of simultaneous requests one logs in; another one after its end, and none that read before a login."""
    link = read(links, account)
    with ThreadPoolExecutor(HANDS) as crowd:
        flights = list(crowd.map(lambda _: links.take_off(link, clock.now(), LONG), range(HANDS)))
    (flight,) = filter(None, flights)

    assert links.land(link, flight, login(clock), clock.now())
    assert links.take_off(link, clock.now(), LONG) is None
    assert links.login(read(links, account)) == login(clock)


def test_flight_ends_without_a_login(links: CentreLinks, account: Account, clock: FakeClock) -> None:
    """It is given up at once, refused for a while, or ends by itself; then another one may begin."""
    link = read(links, account)
    first = links.take_off(link, clock.now(), LONG)
    assert first is not None
    links.give_up(link, first)
    second = links.take_off(link, clock.now(), LONG)
    assert second is not None

    links.refuse(link, first, clock.now())  # it is over: nothing changes
    assert not read(links, account).is_refused(clock.now())
    links.refuse(link, second, clock.now())
    assert read(links, account).is_refused(clock.now())
    assert links.take_off(link, clock.now(), LONG) is None
    clock.advance(seconds=PAUSE.total_seconds())
    assert links.take_off(link, clock.now(), LONG) is not None
    clock.advance(seconds=LONG.total_seconds())
    assert links.take_off(link, clock.now(), LONG) is not None


def test_new_link_ends_flight_and_login(links: CentreLinks, account: Account, clock: FakeClock) -> None:
    """A login of the old password is not stored with the new one."""
    link = read(links, account)
    flight = links.take_off(link, clock.now(), LONG)
    assert flight is not None

    links.put(account, USER, "0" * 32)

    assert not links.land(link, flight, login(clock), clock.now())
    assert links.take_off(link, clock.now(), LONG) is None  # it has the old password
    assert links.login(read(links, account)) is None


def test_only_the_same_login_is_replaced(links: CentreLinks, account: Account, clock: FakeClock) -> None:
    """A renewal or a loss of an older login changes nothing of a newer one."""
    first = links.take_off(read(links, account), clock.now(), LONG)
    assert first is not None
    links.land(read(links, account), first, login(clock), clock.now())
    old = read(links, account)
    links.replace(old, login(clock, "second"), clock.now())

    links.replace(old, login(clock, "late"), clock.now())
    links.forget(old)

    assert links.login(read(links, account)) == login(clock, "second")
    links.forget(read(links, account))
    assert links.login(read(links, account)) is None


@pytest.mark.parametrize("column", ["sealed_password", "sealed_login"])
def test_secrets_are_bound_to_their_rows(
    links: CentreLinks,
    accounts: Accounts,
    account: Account,
    database: Database,
    clock: FakeClock,
    column: str,
) -> None:
    """What is copied to another row, or stays when the user's name is changed, does not decrypt."""
    flight = links.take_off(read(links, account), clock.now(), LONG)
    assert flight is not None
    links.land(read(links, account), flight, login(clock), clock.now())
    other = accounts.add("wang.fang", TENANT, "hash", Identity())
    links.put(other, "other-user", "0" * 32)
    of = {"sealed_password": links.digest, "sealed_login": links.login}[column]

    with database.write() as connection:
        row = connection.execute(select(table).where(table.c.account == account.id)).one()
        values = {column: row._mapping[column], "epoch": other.epoch, "number": 0}
        connection.execute(update(table).where(table.c.account == other.id).values(values))
        connection.execute(update(table).where(table.c.account == account.id).values(username="renamed"))

    for moved in (other, account):
        with pytest.raises(Fault) as raised:
            of(read(links, moved))
        assert raised.value.reason is Reason.KEYS_UNAVAILABLE


def test_user_is_linked_once(links: CentreLinks, accounts: Accounts) -> None:
    """A second account cannot have the same user there."""
    other = accounts.add("wang.fang", TENANT, "hash", Identity())

    with pytest.raises(OperatorError, match="another account"):
        links.put(other, USER, DIGEST)
    with pytest.raises(OperatorError, match="not linked"):
        links.remove(other)
    assert [each.account for each in links.list(TENANT)] == [LOGIN]
