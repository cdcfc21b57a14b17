"""Accounts: who may be added, how they are found, and when their epoch grows; on both databases."""

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
    """A new account is in use, in epoch 1, and has everything it was added with."""
    identity = Identity("agent-7", "customer-7", "李伟")

    added = accounts.add("li.wei", TENANT, "a hash", identity)

    assert added == accounts.find("li.wei") == accounts.require("li.wei")
    assert (added.login, added.tenant, added.identity) == ("li.wei", TENANT, identity)
    assert (added.status, added.epoch) == (RecordStatus.ACTIVE, 1)
    assert (added.created_at, added.password_changed_at) == (START, START)
    assert (added.password_hash, added.previous_hashes) == ("a hash", ())


def test_ids_of_guests_are_no_persons(accounts: Accounts) -> None:
    """No account may have a userId that a guest could have; an agent's name is another matter."""
    with pytest.raises(OperatorError, match="begins like the ids of guests"):
        accounts.add("ann", TENANT, "a hash", Identity(None, "guest-1", "Ann"))

    accounts.add("bob", TENANT, "a hash", Identity("guest-relations"))


def test_unknown_account_is_none_or_an_error(accounts: Accounts) -> None:
    """Asking for an unknown account gives none; requiring it tells the operator."""
    assert accounts.find("nobody") is None
    with pytest.raises(OperatorError, match="there is no account nobody"):
        accounts.require("nobody")


def test_account_does_not_show_its_hashes(accounts: Accounts, person: Account) -> None:
    """A printed account has no password hash in it."""
    changed = accounts.set_password(person, "hash-1")

    assert "hash-" not in f"{changed!r} {changed}"


@pytest.mark.parametrize("login", ["li.wei", "LI.WEI", "Li.Wei"])
def test_login_is_found_in_any_case(accounts: Accounts, person: Account, login: str) -> None:
    """A login name is one name however it is capitalised, when it is looked up and when it is added."""
    assert accounts.find(login) == person
    with pytest.raises(OperatorError, match="exists already"):
        accounts.add(login, TENANT, "another", Identity())


def test_login_is_kept_in_small_letters(accounts: Accounts) -> None:
    """Whoever is added as ANN is ann."""
    assert accounts.add("ANN", TENANT, "h", Identity()).login == "ann"


def test_identities_are_taken_once_in_a_tenant(accounts: Accounts) -> None:
    """No two accounts of a tenant are the same agent, or the same customer."""
    accounts.add("a", TENANT, "h", Identity("agent-7"))
    accounts.add("b", TENANT, "h", Identity(None, "customer-7", "Ann"))

    for login, identity in [("c", Identity("agent-7")), ("d", Identity(None, "customer-7", "Bob"))]:
        with pytest.raises(OperatorError, match="one of its identities, exists already"):
            accounts.add(login, TENANT, "h", identity)

    assert [account.login for account in accounts.list()] == ["a", "b"]


def test_identities_are_free_in_another_tenant(accounts: Accounts, tenants: Tenants) -> None:
    """The same identity in another tenant is somebody else."""
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
    """An account belongs to a tenant that there is."""
    with pytest.raises(OperatorError, match=f"there is no tenant {OTHER}"):
        accounts.add("a", OTHER, "h", Identity())


@pytest.mark.parametrize("login", ["a", "7", "a" * 128, "ann@example.com", "a-b_c.d"])
def test_login_of_the_allowed_form_is_taken(accounts: Accounts, login: str) -> None:
    """A login name has up to 128 of the allowed characters; the first is a letter or digit."""
    assert accounts.add(login, TENANT, "h", Identity()).login == login


@pytest.mark.parametrize("login", ["", "a" * 129, ".a", "-a", "@a", "a b", "a\n", "é", "a/b", "١", "a\x00"])
def test_login_of_another_form_is_refused(accounts: Accounts, login: str) -> None:
    """Anything else is no login name; nothing is written."""
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
def test_identity_within_the_bounds_is_taken(accounts: Accounts, identity: Identity) -> None:
    """An identity is any printable text within its bound."""
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
    """Half a customer, an empty name, a long one and one that cannot be printed are refused."""
    with pytest.raises(OperatorError, match=why):
        accounts.add("a", TENANT, "h", identity)


# The epoch


def test_epoch_grows_when_an_account_is_disabled(accounts: Accounts, person: Account) -> None:
    """Disabling ends everything issued before, for good: enabling does not bring the epoch back."""
    accounts.set_status("LI.WEI", RecordStatus.DISABLED)
    disabled = accounts.require(person.login)
    accounts.set_status(person.login, RecordStatus.ACTIVE)
    enabled = accounts.require(person.login)

    assert (disabled.status, disabled.epoch) == (RecordStatus.DISABLED, person.epoch + 1)
    assert (enabled.status, enabled.epoch) == (RecordStatus.ACTIVE, person.epoch + 1)


def test_epoch_grows_when_the_password_changes(accounts: Accounts, person: Account, clock: FakeClock) -> None:
    """A new password ends everything issued before, and the instant of the change is kept."""
    clock.advance(days=1)

    changed = accounts.set_password(person, "hash-1")

    assert changed == accounts.require(person.login)
    assert (changed.epoch, changed.password_hash) == (person.epoch + 1, "hash-1")
    assert (changed.created_at, changed.password_changed_at) == (START, clock.now())


def test_epoch_stays_otherwise(accounts: Accounts, person: Account) -> None:
    """Enabling, looking up and renewing the hash of the same password end nothing."""
    accounts.set_status(person.login, RecordStatus.ACTIVE)
    accounts.find(person.login)
    accounts.list()
    accounts.renew_hash(person, "hash-0 renewed")

    assert accounts.require(person.login).epoch == person.epoch


def test_other_accounts_keep_their_epoch(accounts: Accounts, person: Account) -> None:
    """Disabling one and changing its password leaves the others alone."""
    other = accounts.add("ann", TENANT, "h", Identity())

    accounts.set_status(person.login, RecordStatus.DISABLED)
    accounts.set_password(accounts.require(person.login), "hash-1")

    assert accounts.require("ann") == other


@pytest.mark.parametrize("change", ["another password", "disabled and enabled"])
def test_password_is_not_changed_on_what_was_known_before(
    accounts: Accounts, person: Account, change: str
) -> None:
    """A change made with what was read before an operator's does not follow it, nor is anything written."""
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


def test_of_two_new_passwords_at_once_one_counts(accounts: Accounts, person: Account) -> None:
    """Of four who change the password from one and the same state one does, and three are refused."""
    raised = at_once(4, lambda: accounts.set_password(person, "hash-1"))

    assert [type(error) for error in raised] == [Refusal] * 3
    assert accounts.require(person.login).epoch == person.epoch + 1


def test_account_knows_its_tenants_status(accounts: Accounts, tenants: Tenants, person: Account) -> None:
    """An account is usable while it and its tenant are in use, and tells of both."""
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
    """Capital letters of ASCII are small ones; a letter that merely lowers to ASCII stays what it is."""
    accounts.add("kim", TENANT, "h", Identity())

    assert folded(presented) == folded_form
    assert accounts.find("KIM") is not None
    assert accounts.find("\u212aim") is None


def test_changes_at_once_are_all_counted(accounts: Accounts, person: Account) -> None:
    """Four operators who disable an account at once raise its epoch by four."""
    raised = at_once(4, lambda: accounts.set_status(person.login, RecordStatus.DISABLED))

    assert raised == []
    assert accounts.require(person.login).epoch == person.epoch + 4


@pytest.mark.parametrize("status", RecordStatus)
def test_status_of_an_unknown_account_is_an_error(accounts: Accounts, status: RecordStatus) -> None:
    """A misspelt login name does not pass for done."""
    with pytest.raises(OperatorError, match="there is no account nobody"):
        accounts.set_status("nobody", status)


# Passwords that were


def test_last_hashes_are_remembered(accounts: Accounts, person: Account) -> None:
    """With the present one, the last five hashes are kept, newest first, and no more."""
    changed = person
    for number in range(1, 8):
        changed = accounts.set_password(changed, f"hash-{number}")

    assert changed == accounts.require(person.login)
    assert (changed.password_hash, *changed.previous_hashes) == tuple(
        f"hash-{number}" for number in range(7, 7 - REMEMBERED, -1)
    )


def test_renewed_hash_is_the_same_password(accounts: Accounts, person: Account) -> None:
    """Renewing replaces the hash and remembers nothing: the password has not changed."""
    accounts.renew_hash(person, "hash-0 renewed")

    renewed = accounts.require(person.login)
    assert (renewed.password_hash, renewed.previous_hashes) == ("hash-0 renewed", ())


def test_renewing_never_undoes_a_change(accounts: Accounts, person: Account) -> None:
    """A password that was changed meanwhile is not replaced by the old one under newer parameters."""
    accounts.set_password(person, "hash-1")

    accounts.renew_hash(person, "hash-0 renewed")

    assert accounts.require(person.login).password_hash == "hash-1"
