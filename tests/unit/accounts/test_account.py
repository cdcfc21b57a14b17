"""Accounts: valid values, look-up, and when the epoch grows; on both databases."""

import pytest

from tests.support.fakes import START, TENANT, FakeClock
from tests.support.parallel_threads import at_once
from validator.accounts.account import Account, Accounts, folded
from validator.accounts.identity import Identity
from validator.errors import OperatorError, Reason, Refusal
from validator.passwords.policy import REMEMBERED
from validator.tenants import RecordStatus, Tenants

OTHER = "202400000002"


def test_added_account_is_found(accounts: Accounts) -> None:
    """A new account is active, in epoch 1, and has all values it was added with."""
    identity = Identity("agent-7", "customer-7", "李伟")

    added = accounts.add("li.wei", TENANT, "a hash", identity)

    assert added == accounts.find("li.wei") == accounts.require("li.wei")
    assert (added.login, added.tenant, added.identity) == ("li.wei", TENANT, identity)
    assert (added.status, added.epoch) == (RecordStatus.ACTIVE, 1)
    assert (added.created_at, added.password_changed_at) == (START, START)
    assert (added.password_hash, added.previous_hashes) == ("a hash", ())


def test_account_must_not_have_a_guests_id(accounts: Accounts) -> None:
    """No account may have a userId that a guest could have; an agent's name may look like one."""
    with pytest.raises(OperatorError, match="begins like the ids of guests"):
        accounts.add("ann", TENANT, "a hash", Identity(None, "guest-1", "Ann"))

    accounts.add("bob", TENANT, "a hash", Identity("guest-relations"))


def test_unknown_account_is_none_or_an_error(accounts: Accounts) -> None:
    """Finding an unknown account returns None; requiring it raises an error for the operator."""
    assert accounts.find("nobody") is None
    with pytest.raises(OperatorError, match="there is no account nobody"):
        accounts.require("nobody")


def test_account_does_not_show_its_hashes(accounts: Accounts, person: Account) -> None:
    """The repr of an account contains no password hash."""
    changed = accounts.set_password(person, "hash-1")

    assert "hash-" not in f"{changed!r} {changed}"


@pytest.mark.parametrize("login", ["li.wei", "LI.WEI", "Li.Wei"])
def test_login_is_found_in_any_case(accounts: Accounts, person: Account, login: str) -> None:
    """A login name is the same in any case, when it is looked up and when it is added."""
    assert accounts.find(login) == person
    with pytest.raises(OperatorError, match="exists already"):
        accounts.add(login, TENANT, "another", Identity())


def test_login_is_stored_in_lower_case(accounts: Accounts) -> None:
    """An account added as ANN is ann."""
    assert accounts.add("ANN", TENANT, "h", Identity()).login == "ann"


def test_identity_is_unique_in_a_tenant(accounts: Accounts) -> None:
    """No two accounts of a tenant are the same agent or the same customer."""
    accounts.add("a", TENANT, "h", Identity("agent-7"))
    accounts.add("b", TENANT, "h", Identity(None, "customer-7", "Ann"))

    for login, identity in [("c", Identity("agent-7")), ("d", Identity(None, "customer-7", "Bob"))]:
        with pytest.raises(OperatorError, match="one of its identities, exists already"):
            accounts.add(login, TENANT, "h", identity)

    assert [account.login for account in accounts.list()] == ["a", "b"]


def test_identities_are_free_in_another_tenant(accounts: Accounts, tenants: Tenants) -> None:
    """The same identity in another tenant is another person."""
    tenants.add(OTHER, "Second")
    identity = Identity("agent-7", "customer-7", "Ann")

    accounts.add("a", TENANT, "h", identity)
    accounts.add("b", OTHER, "h", identity)

    assert [account.login for account in accounts.list(OTHER)] == ["b"]


def test_accounts_without_identities_do_not_collide(accounts: Accounts) -> None:
    """Any number of accounts of a tenant may be neither agent nor customer."""
    for login in ("a", "b", "c"):
        accounts.add(login, TENANT, "h", Identity())

    assert len(accounts.list(TENANT)) == 3


def test_tenant_must_exist(accounts: Accounts) -> None:
    """An account belongs to an existing tenant."""
    with pytest.raises(OperatorError, match=f"there is no tenant {OTHER}"):
        accounts.add("a", OTHER, "h", Identity())


@pytest.mark.parametrize("login", ["a", "7", "a" * 128, "ann@example.com", "a-b_c.d"])
def test_valid_login_is_accepted(accounts: Accounts, login: str) -> None:
    """A login name has up to 128 of the allowed characters; the first is a letter or digit."""
    assert accounts.add(login, TENANT, "h", Identity()).login == login


@pytest.mark.parametrize("login", ["", "a" * 129, ".a", "-a", "@a", "a b", "a\n", "é", "a/b", "١", "a\x00"])
def test_invalid_login_is_refused(accounts: Accounts, login: str) -> None:
    """Any other login name is refused, and nothing is written."""
    with pytest.raises(OperatorError, match="a login name has 1 to 128 of"):
        accounts.add(login, TENANT, "h", Identity())

    assert accounts.list() == []


@pytest.mark.parametrize(
    "identity",
    [
        Identity("a" * 100),
        Identity(None, "a" * 128, "b" * 128),
        Identity("坐席", "客户", "李 伟"),
    ],
)
def test_identity_within_the_bounds_is_accepted(accounts: Accounts, identity: Identity) -> None:
    """An identity is any printable text within its maximum length."""
    assert accounts.add("a", TENANT, "h", identity).identity == identity


@pytest.mark.parametrize(
    ("identity", "why"),
    [
        (Identity(user_id="a"), "needs both"),
        (Identity(user_name="a"), "needs both"),
        (Identity(""), "an identity has 1 to 100"),
        (Identity("a" * 101), "an identity has 1 to 100"),
        (Identity("a\n"), "an identity has 1 to 100"),
        (Identity("a\x00"), "an identity has 1 to 100"),
        (Identity("\ud800"), "an identity has 1 to 100"),
        (Identity(None, "a" * 129, "b"), "an identity has 1 to 128"),
        (Identity(None, "a", "b" * 129), "an identity has 1 to 128"),
        (Identity(None, "a", ""), "an identity has 1 to 128"),
    ],
)
def test_identity_beyond_the_bounds_is_refused(accounts: Accounts, identity: Identity, why: str) -> None:
    """Half a customer and an empty, too long or unprintable name are refused."""
    with pytest.raises(OperatorError, match=why):
        accounts.add("a", TENANT, "h", identity)


# The epoch


def test_epoch_grows_when_an_account_is_disabled(accounts: Accounts, person: Account) -> None:
    """Disabling permanently ends everything issued before: enabling does not restore the epoch."""
    accounts.set_status("LI.WEI", RecordStatus.DISABLED)
    disabled = accounts.require(person.login)
    accounts.set_status(person.login, RecordStatus.ACTIVE)
    enabled = accounts.require(person.login)

    assert (disabled.status, disabled.epoch) == (RecordStatus.DISABLED, person.epoch + 1)
    assert (enabled.status, enabled.epoch) == (RecordStatus.ACTIVE, person.epoch + 1)


def test_epoch_grows_when_the_password_changes(accounts: Accounts, person: Account, clock: FakeClock) -> None:
    """A new password ends everything issued before, and the time of the change is stored."""
    clock.advance(days=1)

    changed = accounts.set_password(person, "hash-1")

    assert changed == accounts.require(person.login)
    assert (changed.epoch, changed.password_hash) == (person.epoch + 1, "hash-1")
    assert (changed.created_at, changed.password_changed_at) == (START, clock.now())


def test_epoch_stays_otherwise(accounts: Accounts, person: Account) -> None:
    """Enabling, looking up and rehashing the same password end nothing."""
    accounts.set_status(person.login, RecordStatus.ACTIVE)
    accounts.find(person.login)
    accounts.list()
    accounts.renew_hash(person, "hash-0 renewed")

    assert accounts.require(person.login).epoch == person.epoch


def test_other_accounts_keep_their_epoch(accounts: Accounts, person: Account) -> None:
    """Disabling one account and changing its password do not affect the others."""
    other = accounts.add("ann", TENANT, "h", Identity())

    accounts.set_status(person.login, RecordStatus.DISABLED)
    accounts.set_password(accounts.require(person.login), "hash-1")

    assert accounts.require("ann") == other


@pytest.mark.parametrize("change", ["another password", "disabled and enabled"])
def test_stale_account_cannot_change_the_password(accounts: Accounts, person: Account, change: str) -> None:
    """A change based on the state before an operator's change is refused, and nothing is written."""
    if change == "another password":
        accounts.set_password(person, "the operator's")
    else:
        accounts.set_status(person.login, RecordStatus.DISABLED)
        accounts.set_status(person.login, RecordStatus.ACTIVE)
    before = accounts.require(person.login)

    with pytest.raises(Refusal) as refused:
        accounts.set_password(person, "the owner's")

    assert refused.value.reason is Reason.SESSION_ENDED
    assert accounts.require(person.login) == before
    assert accounts.set_password(before, "the owner's").epoch == before.epoch + 1


def test_one_of_concurrent_password_changes_succeeds(accounts: Accounts, person: Account) -> None:
    """Of four concurrent password changes of the same state, one succeeds and three are refused."""
    raised = at_once(4, lambda: accounts.set_password(person, "hash-1"))

    assert [type(error) for error in raised] == [Refusal] * 3
    assert accounts.require(person.login).epoch == person.epoch + 1


def test_account_knows_its_tenants_status(accounts: Accounts, tenants: Tenants, person: Account) -> None:
    """An account is usable while it and its tenant are active, and returns both statuses."""
    assert (person.tenant_status, person.is_usable) == (RecordStatus.ACTIVE, True)

    tenants.set_status(TENANT, RecordStatus.DISABLED)
    of_disabled_tenant = accounts.require(person.login)
    tenants.set_status(TENANT, RecordStatus.ACTIVE)
    accounts.set_status(person.login, RecordStatus.DISABLED)

    assert (of_disabled_tenant.tenant_status, of_disabled_tenant.is_usable) == (RecordStatus.DISABLED, False)
    assert (of_disabled_tenant.status, of_disabled_tenant.epoch) == (RecordStatus.ACTIVE, person.epoch)
    assert not accounts.require(person.login).is_usable
    assert [account.tenant_status for account in accounts.list()] == [RecordStatus.ACTIVE]


@pytest.mark.parametrize(
    ("presented", "folded_form"),
    [
        ("LI.WEI", "li.wei"),
        ("li.wei", "li.wei"),
        ("\u212aim", "\u212aim"),
        ("İ", "İ"),
        ("ÄRGER", "ÄRGER"),
        ("", ""),
    ],
)
def test_only_ascii_is_folded(accounts: Accounts, presented: str, folded_form: str) -> None:
    """Upper-case ASCII letters are folded; other letters that would fold to ASCII are not."""
    accounts.add("kim", TENANT, "h", Identity())

    assert folded(presented) == folded_form
    assert accounts.find("KIM") is not None
    assert accounts.find("\u212aim") is None


def test_concurrent_changes_are_all_counted(accounts: Accounts, person: Account) -> None:
    """Four operators who disable an account concurrently raise its epoch by four."""
    raised = at_once(4, lambda: accounts.set_status(person.login, RecordStatus.DISABLED))

    assert raised == []
    assert accounts.require(person.login).epoch == person.epoch + 4


@pytest.mark.parametrize("status", RecordStatus)
def test_status_of_an_unknown_account_is_an_error(accounts: Accounts, status: RecordStatus) -> None:
    """A misspelt login name is an error."""
    with pytest.raises(OperatorError, match="there is no account nobody"):
        accounts.set_status("nobody", status)


# Previous passwords


def test_last_hashes_are_remembered(accounts: Accounts, person: Account) -> None:
    """With the current one, exactly the last five hashes are stored, newest first."""
    changed = person
    for number in range(1, 8):
        changed = accounts.set_password(changed, f"hash-{number}")

    assert changed == accounts.require(person.login)
    assert (changed.password_hash, *changed.previous_hashes) == tuple(
        f"hash-{number}" for number in range(7, 7 - REMEMBERED, -1)
    )


def test_renewed_hash_is_the_same_password(accounts: Accounts, person: Account) -> None:
    """Rehashing replaces the hash and stores no previous one: the password is the same."""
    accounts.renew_hash(person, "hash-0 renewed")

    renewed = accounts.require(person.login)
    assert (renewed.password_hash, renewed.previous_hashes) == ("hash-0 renewed", ())


def test_renewing_never_undoes_a_change(accounts: Accounts, person: Account) -> None:
    """A password that was changed meanwhile is not replaced by the old one's new hash."""
    accounts.set_password(person, "hash-1")

    accounts.renew_hash(person, "hash-0 renewed")

    assert accounts.require(person.login).password_hash == "hash-1"
