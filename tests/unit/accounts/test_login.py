"""Login: the order of the checks, one refusal for all, and never more hashing than slots."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest
from argon2 import PasswordHasher

from tests.support.account_policies import CHEAP, LOCKOUT
from tests.support.fakes import TENANT, FakeClock
from validator.accounts.account import Account, Accounts
from validator.accounts.devices import Devices
from validator.accounts.identity import Identity
from validator.accounts.lockout import Lockout
from validator.accounts.login import Login
from validator.accounts.policy import LockoutPolicy
from validator.audit import reading
from validator.audit.events import EventName
from validator.audit.trail import AuditTrail, TrailPolicy
from validator.errors import Fault, PublicError, Reason, Refusal
from validator.exchange import Exchange
from validator.files import make_private_folder
from validator.passwords.bulkhead import Bulkhead
from validator.passwords.hashing import Passwords
from validator.passwords.policy import PasswordPolicy
from validator.store.database import Database
from validator.tenants import RecordStatus, Tenants

HERE = Exchange()
LOGIN = "margaret"
WITHOUT_LOCKOUT = replace(LOCKOUT, enabled=False)
RIGHT = "Seven quiet rivers of jade"
NEW = "Eleven grey herons at dawn"
WRONG = "Seven quiet rivers of jadE"
PATIENCE_SECONDS = 30


class Gate:
    """A gate that each verification passes and may have to wait at, so that a test can inspect it."""

    def __init__(self) -> None:
        self.is_closed = False
        self.count = 0
        self.arrived = threading.Semaphore(0)
        self._open = threading.Event()

    def __call__(self) -> None:
        """Note one verification."""
        self.count += 1
        if self.is_closed:
            self.arrived.release()
            assert self._open.wait(PATIENCE_SECONDS)

    def open(self) -> None:
        """Let every verification pass."""
        self.is_closed = False
        self._open.set()


class GatedHasher(PasswordHasher):
    """A hasher whose verifications, of the dummy as well, pass a gate."""

    def __init__(self, hasher: PasswordHasher, gate: Callable[[], None]) -> None:
        super().__init__(hasher.time_cost, hasher.memory_cost, hasher.parallelism)
        self._gate = gate

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - the library's name
        self._gate()
        return super().verify(hash, password)


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Yield the gate of all verifications; it is open."""
    gate = Gate()
    yield gate
    gate.open()


@pytest.fixture
def read_trail(tmp_path: Path) -> Callable[[], list[dict[str, Any]]]:
    """Return a function that reads the audit trail."""
    entries = partial(reading.entries, tmp_path / "audit")
    return lambda: [entry for entry in entries() if entry["event"] != EventName.TRAIL_CONTINUED]


@pytest.fixture
def trail(tmp_path: Path, clock: FakeClock) -> Iterator[AuditTrail]:
    """Yield a separate audit trail for the test."""
    make_private_folder(tmp_path / "keys")
    policy = TrailPolicy(tmp_path / "audit", 2**20, False, 10**6, 10**6, 0)
    trail = AuditTrail(policy, tmp_path / "keys", clock)
    trail.create_key()
    yield trail
    trail.close()


@pytest.fixture
def make_login(
    accounts: Accounts, database: Database, trail: AuditTrail, devices: Devices, clock: FakeClock, gate: Gate
) -> Callable[..., Login]:
    """Return a function that makes a login: default policy, cheap hashing, by default no lockout."""

    def make(
        profile: str = "asvs5",
        slots: int = 3,
        hasher: PasswordHasher = CHEAP,
        lockout: LockoutPolicy = WITHOUT_LOCKOUT,
        through: Callable[[], None] = gate,
    ) -> Login:
        return Login(
            accounts,
            Passwords(GatedHasher(hasher, through)),
            PasswordPolicy(profile),
            trail,
            bulkhead=Bulkhead(slots),
            lockout=Lockout(database, lockout, clock),
            devices=devices,
        )

    return make


@pytest.fixture
def login(make_login: Callable[..., Login], margaret: Account) -> Login:
    """Return a login that margaret can use."""
    return make_login()


@pytest.fixture
def margaret(accounts: Accounts) -> Account:
    """Return an account with the known password."""
    return accounts.add(LOGIN, TENANT, CHEAP.hash(RIGHT), Identity())


def refusal_of(act: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as refused:
        act()
    return refused.value


# One refusal


@pytest.mark.parametrize("presented", [LOGIN, "MARGARET", "Margaret"])
def test_correct_password_returns_the_account(
    login: Login, margaret: Account, read_trail: Callable[[], list[dict[str, Any]]], presented: str
) -> None:
    """The correct password yields the account and one entry in the trail."""
    assert login.authenticate(HERE, presented, RIGHT) == margaret

    (entry,) = read_trail()
    assert (entry["event"], entry["outcome"]) == ("login", "accepted")
    assert (entry["tenant"], entry["subject"]) == (TENANT, LOGIN)
    assert "reason" not in entry


def disable_account(accounts: Accounts, tenants: Tenants) -> None:
    accounts.set_status(LOGIN, RecordStatus.DISABLED)


def disable_tenant(accounts: Accounts, tenants: Tenants) -> None:
    tenants.set_status(TENANT, RecordStatus.DISABLED)


def change_nothing(accounts: Accounts, tenants: Tenants) -> None:
    """Change nothing."""


FAILURES: dict[str, tuple[Callable[[Accounts, Tenants], None], str, str, str]] = {
    "unknown": (change_nothing, "nobody", RIGHT, "account_unknown"),
    "wrong": (change_nothing, LOGIN, WRONG, "password_wrong"),
    "disabled and right": (disable_account, LOGIN, RIGHT, "account_disabled"),
    "disabled and wrong": (disable_account, LOGIN, WRONG, "password_wrong"),
    "tenant disabled and right": (disable_tenant, LOGIN, RIGHT, "tenant_disabled"),
    "tenant disabled and wrong": (disable_tenant, LOGIN, WRONG, "password_wrong"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_every_failure_is_the_same_refusal_after_the_same_work(
    login: Login,
    accounts: Accounts,
    tenants: Tenants,
    gate: Gate,
    read_trail: Callable[[], list[dict[str, Any]]],
    failure: str,
) -> None:
    """Unknown, wrong and disabled: one refusal, one verification, one entry with the exact reason."""
    arrange, presented_login, presented_password, reason = FAILURES[failure]
    arrange(accounts, tenants)

    refusal = refusal_of(lambda: login.authenticate(HERE, presented_login, presented_password))

    assert (refusal.reason, refusal.detail, refusal.retry_after) == (Reason.PASSWORD_WRONG, None, None)
    assert refusal.answer is PublicError.LOGIN_REFUSED
    assert gate.count == 1
    (entry,) = read_trail()
    assert (entry["event"], entry["outcome"], entry["reason"]) == ("login", "refused", reason)


def test_enabled_account_may_log_in_again(login: Login, accounts: Accounts) -> None:
    """A disabled account is refused only for its status."""
    accounts.set_status(LOGIN, RecordStatus.DISABLED)
    refusal_of(lambda: login.authenticate(HERE, LOGIN, RIGHT))

    accounts.set_status(LOGIN, RecordStatus.ACTIVE)

    assert login.authenticate(HERE, LOGIN, RIGHT).login == LOGIN


@pytest.mark.parametrize("presented", [RIGHT, "margaret ", "名前", "nobody@example.com"])
def test_unknown_name_is_not_recorded(
    login: Login, tmp_path: Path, read_trail: Callable[[], list[dict[str, Any]]], presented: str
) -> None:
    """A password typed as a name never gets into the trail: unknown names are not recorded."""
    refusal_of(lambda: login.authenticate(HERE, presented, RIGHT))

    (entry,) = read_trail()
    assert presented not in (tmp_path / "audit" / "audit.jsonl").read_text("utf-8")
    assert "subject" not in entry


def test_no_password_is_recorded(login: Login, margaret: Account, tmp_path: Path) -> None:
    """The trail contains no password: correct, wrong, old or new."""
    login.authenticate(HERE, LOGIN, RIGHT)
    refusal_of(lambda: login.authenticate(HERE, LOGIN, WRONG))
    refusal_of(lambda: login.change_password(HERE, margaret, RIGHT, "too short"))
    login.change_password(HERE, margaret, RIGHT, NEW)

    written = (tmp_path / "audit" / "audit.jsonl").read_text("utf-8")
    assert not [password for password in (RIGHT, WRONG, NEW, "too short") if password in written]
    assert "argon2" not in written


def test_damaged_hash_is_a_fault(login: Login, accounts: Accounts, margaret: Account) -> None:
    """A malformed stored hash is a fault, never a wrong password."""
    accounts.renew_hash(margaret, "nonsense")

    with pytest.raises(Fault) as raised:
        login.authenticate(HERE, LOGIN, RIGHT)

    assert raised.value.reason is Reason.STORE_UNAVAILABLE


def test_without_a_trail_nobody_logs_in(login: Login, tmp_path: Path) -> None:
    """When the trail cannot be written, a login neither succeeds nor is refused."""
    (tmp_path / "audit").write_text("a file where the folder should be")

    for password in (RIGHT, WRONG):
        with pytest.raises(Fault) as raised:
            login.authenticate(HERE, LOGIN, password)
        assert raised.value.reason is Reason.TRAIL_UNAVAILABLE


# Rehashing


def test_older_hash_is_renewed_at_login(
    make_login: Callable[..., Login], accounts: Accounts, margaret: Account
) -> None:
    """The first login under newer parameters rehashes the password; the account is otherwise unchanged."""
    newer = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    login = make_login(hasher=newer)

    login.authenticate(HERE, LOGIN, RIGHT)

    renewed = accounts.require(LOGIN)
    assert not newer.check_needs_rehash(renewed.password_hash)
    assert newer.verify(renewed.password_hash, RIGHT)
    assert (renewed.epoch, renewed.previous_hashes) == (margaret.epoch, ())
    assert renewed.password_changed_at == margaret.password_changed_at
    login.authenticate(HERE, LOGIN, RIGHT)
    assert accounts.require(LOGIN) == renewed


@pytest.mark.parametrize("failure", ["wrong", "disabled and right", "tenant disabled and right"])
def test_refused_login_renews_nothing(
    make_login: Callable[..., Login], accounts: Accounts, tenants: Tenants, margaret: Account, failure: str
) -> None:
    """Only a successful login rehashes the password."""
    arrange, presented_login, presented_password, _ = FAILURES[failure]
    arrange(accounts, tenants)
    login = make_login(hasher=PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))

    refusal_of(lambda: login.authenticate(HERE, presented_login, presented_password))

    assert accounts.require(LOGIN).password_hash == margaret.password_hash


# Slots


class InBackground:
    """A login that runs in a separate thread."""

    def __init__(self, login: Login, password: str = RIGHT) -> None:
        self.outcome: object = None
        self._thread = threading.Thread(target=self._run, args=(login, password))
        self._thread.start()

    def _run(self, login: Login, password: str) -> None:
        try:
            self.outcome = login.authenticate(HERE, LOGIN, password)
        except Exception as error:  # noqa: BLE001 - the test checks it
            self.outcome = error

    def end(self) -> object:
        """Wait for the end and return the outcome."""
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()
        return self.outcome


@pytest.mark.parametrize("slots", [2, 3, 4])
def test_more_than_the_slots_is_refused_at_once(
    make_login: Callable[..., Login],
    margaret: Account,
    gate: Gate,
    read_trail: Callable[[], list[dict[str, Any]]],
    slots: int,
) -> None:
    """While all open slots hash, another stranger is refused at once and not counted."""
    login, gate.is_closed = make_login(slots=slots), True
    strangers = slots - 1
    busy = [InBackground(login) for _ in range(strangers)]
    for _ in busy:
        assert gate.arrived.acquire(timeout=PATIENCE_SECONDS)

    for presented in (LOGIN, "nobody"):
        refusal = refusal_of(lambda presented=presented: login.authenticate(HERE, presented, RIGHT))  # type: ignore[misc]
        assert refusal.reason is Reason.HASHING_BUSY
        assert refusal.answer is PublicError.UNAVAILABLE
        assert refusal.retry_after is not None
    assert gate.count == strangers
    assert read_trail() == []

    gate.open()
    assert [login.end() for login in busy] == [margaret] * strangers
    assert login.authenticate(HERE, LOGIN, RIGHT) == margaret


def test_changing_a_password_needs_a_slot_too(
    make_login: Callable[..., Login], margaret: Account, accounts: Accounts, gate: Gate
) -> None:
    """A new password is hashed in a slot; without one nothing changes."""
    login, gate.is_closed = make_login(slots=2), True
    busy = InBackground(login)
    assert gate.arrived.acquire(timeout=PATIENCE_SECONDS)

    refusal = refusal_of(lambda: login.set_password(margaret, NEW))

    assert refusal.reason is Reason.HASHING_BUSY
    assert accounts.require(LOGIN) == margaret
    gate.open()
    assert busy.end() == margaret


def test_slot_is_released_on_every_outcome(
    make_login: Callable[..., Login], margaret: Account, accounts: Accounts
) -> None:
    """A refusal, a hashing fault and a rejected new password release their slot."""
    login = make_login(profile="cec", slots=2)

    for _ in range(3):
        assert refusal_of(lambda: login.authenticate(HERE, LOGIN, WRONG)).reason is Reason.PASSWORD_WRONG
        assert refusal_of(lambda: login.authenticate(HERE, "nobody", WRONG)).reason is Reason.PASSWORD_WRONG
        assert refusal_of(lambda: login.set_password(margaret, RIGHT)).reason is Reason.PASSWORD_POLICY
        assert refusal_of(lambda: login.set_password(margaret, "short")).reason is Reason.PASSWORD_POLICY
    accounts.renew_hash(margaret, "nonsense")
    for _ in range(3):
        with pytest.raises(Fault):
            login.authenticate(HERE, LOGIN, RIGHT)
    accounts.set_password(accounts.require(LOGIN), CHEAP.hash(RIGHT))

    assert login.authenticate(HERE, LOGIN, RIGHT).login == LOGIN


def test_unexpected_error_releases_its_slot(make_login: Callable[..., Login], margaret: Account) -> None:
    """An unexpected error releases its slot."""
    failing = True

    def fail() -> None:
        if failing:
            raise ZeroDivisionError

    login = make_login(slots=2, through=fail)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            login.authenticate(HERE, LOGIN, RIGHT)
    failing = False

    assert login.authenticate(HERE, LOGIN, RIGHT) == margaret


# Change of password


def test_owner_changes_the_password(
    login: Login, margaret: Account, read_trail: Callable[[], list[dict[str, Any]]]
) -> None:
    """The new password is valid from now on, the old one is not, and the epoch has grown."""
    changed = login.change_password(HERE, margaret, RIGHT, NEW)

    assert changed.epoch == margaret.epoch + 1
    assert login.authenticate(HERE, LOGIN, NEW) == changed
    assert refusal_of(lambda: login.authenticate(HERE, LOGIN, RIGHT)).reason is Reason.PASSWORD_WRONG
    events = [(entry["event"], entry["outcome"], entry["subject"]) for entry in read_trail()[:2]]
    assert events == [("login", "accepted", LOGIN), ("password", "accepted", LOGIN)]


def test_wrong_old_password_changes_nothing(login: Login, margaret: Account, accounts: Accounts) -> None:
    """A wrong old password changes nothing and reveals nothing about the new one."""
    for new in (NEW, "short"):
        refusal = refusal_of(lambda new=new: login.change_password(HERE, margaret, WRONG, new))  # type: ignore[misc]
        assert (refusal.reason, refusal.detail) == (Reason.PASSWORD_WRONG, None)

    assert accounts.require(LOGIN) == margaret


def test_rejected_new_password_has_all_reasons(
    login: Login, margaret: Account, accounts: Accounts, read_trail: Callable[[], list[dict[str, Any]]]
) -> None:
    """The owner gets every reason, the trail has the refusal, and nothing changes."""
    refusal = refusal_of(lambda: login.change_password(HERE, margaret, RIGHT, "passwordpassword"))

    assert refusal.reason is Reason.PASSWORD_POLICY
    assert "common password" in (refusal.detail or "")
    assert "easy to guess" in (refusal.detail or "")
    assert accounts.require(LOGIN) == margaret
    assert [(entry["event"], entry["outcome"], entry.get("reason")) for entry in read_trail()] == [
        ("login", "accepted", None),
        ("password", "refused", "password_policy"),
    ]


def test_policy_knows_the_accounts_name(login: Login, margaret: Account) -> None:
    """The name that a password must not contain is that of its account."""
    assert refusal_of(lambda: login.set_password(margaret, "margaret counts 7 herons")).detail

    login.check_policy("margaret counts 7 herons", "somebody")


def other(number: int) -> str:
    return f"{['Zero', 'One', 'Two', 'Three', 'Four', 'Five'][number]} grey herons at dawn {number}"


def test_cec_refuses_the_last_five(make_login: Callable[..., Login], accounts: Accounts) -> None:
    """The last five passwords, including the current one, cannot be chosen again."""
    login = make_login(profile="cec")
    account = accounts.add("rosa", TENANT, CHEAP.hash(other(0)), Identity())
    for number in range(1, 6):
        account = login.set_password(account, other(number))

    for number in range(1, 6):
        refusal = refusal_of(lambda number=number: login.set_password(account, other(number)))  # type: ignore[misc]
        assert (refusal.reason, refusal.detail) == (Reason.PASSWORD_POLICY, "it is one of the last five")

    assert login.set_password(account, other(0)).epoch == account.epoch + 1


def test_asvs5_has_no_history(login: Login, margaret: Account) -> None:
    """The default profile has no password history."""
    assert login.set_password(margaret, RIGHT).epoch == margaret.epoch + 1


def test_new_password_is_the_same_in_both_spellings(login: Login, margaret: Account) -> None:
    """A password chosen with composed accents also matches with decomposed ones."""
    login.set_password(margaret, "Gr\u00fcne Wolken \u00fcber 7 D\u00e4chern")

    assert login.authenticate(HERE, LOGIN, "Gru\u0308ne Wolken u\u0308ber 7 Da\u0308chern").login == LOGIN


def test_owner_changes_nothing_without_a_trail(
    login: Login, margaret: Account, accounts: Accounts, tmp_path: Path
) -> None:
    """When the trail cannot be written, an owner's change is not made."""
    (tmp_path / "audit").write_text("a file where the folder should be")

    with pytest.raises(Fault):
        login.change_password(HERE, margaret, RIGHT, NEW)

    assert accounts.require(LOGIN) == margaret


def test_unrecorded_change_is_a_fault(login: Login, margaret: Account, tmp_path: Path) -> None:
    """A password change that the trail cannot record is reported as a fault, not as done."""
    (tmp_path / "audit").write_text("a file where the folder should be")

    with pytest.raises(Fault) as raised:
        login.set_password(margaret, NEW)

    assert raised.value.reason is Reason.TRAIL_UNAVAILABLE


def test_stale_account_cannot_change_the_password(
    login: Login, margaret: Account, accounts: Accounts, read_trail: Callable[[], list[dict[str, Any]]]
) -> None:
    """If an operator disables the account meanwhile, the owner's change is refused."""
    accounts.set_status(LOGIN, RecordStatus.DISABLED)
    accounts.set_status(LOGIN, RecordStatus.ACTIVE)

    refusal = refusal_of(lambda: login.set_password(margaret, NEW))

    assert refusal.reason is Reason.SESSION_ENDED
    assert read_trail() == []
    assert login.authenticate(HERE, LOGIN, RIGHT).epoch == margaret.epoch + 1


# Lockout


def fail_until_blocked(login: Login, name: str = LOGIN) -> None:
    """Use up all allowed failures of a name."""
    for _ in range(LOCKOUT.allowed_failures):
        refusal_of(lambda: login.authenticate(HERE, name, WRONG))


@pytest.mark.parametrize("name", [LOGIN, "nobody"])
def test_blocked_attempt_looks_like_a_wrong_password(
    make_login: Callable[..., Login],
    margaret: Account,
    gate: Gate,
    read_trail: Callable[[], list[dict[str, Any]]],
    name: str,
) -> None:
    """A blocked attempt has the refusal and the work of a wrong one; the trail has the reason."""
    login = make_login(lockout=LOCKOUT)
    fail_until_blocked(login, name)
    before, gate.count = read_trail(), 0

    refusal = refusal_of(lambda: login.authenticate(HERE, name, RIGHT))

    assert (refusal.reason, refusal.detail, refusal.retry_after) == (Reason.PASSWORD_WRONG, None, None)
    assert gate.count == 1
    assert {entry["reason"] for entry in before} <= {"password_wrong", "account_unknown"}
    assert read_trail()[-1]["reason"] == "account_locked"


def test_block_ends_by_itself(make_login: Callable[..., Login], margaret: Account, clock: FakeClock) -> None:
    """After the delay the correct password is accepted; a millisecond earlier it is not."""
    login = make_login(lockout=LOCKOUT)
    fail_until_blocked(login)

    clock.advance(seconds=30, milliseconds=-1)
    refusal_of(lambda: login.authenticate(HERE, LOGIN, RIGHT))
    clock.advance(milliseconds=1)

    assert login.authenticate(HERE, LOGIN, RIGHT) == margaret


def test_correct_password_resets_failures(make_login: Callable[..., Login], margaret: Account) -> None:
    """After four mistakes and a login, all failures are allowed again."""
    login = make_login(lockout=replace(LOCKOUT, address_failures=()))

    for _ in range(3):
        for _ in range(LOCKOUT.allowed_failures - 1):
            refusal_of(lambda: login.authenticate(HERE, LOGIN, WRONG))
        assert login.authenticate(HERE, LOGIN, RIGHT) == margaret


@pytest.mark.parametrize("failure", ["disabled and right", "tenant disabled and right"])
def test_correct_password_of_a_disabled_account_counts_as_wrong(
    make_login: Callable[..., Login], accounts: Accounts, tenants: Tenants, margaret: Account, failure: str
) -> None:
    """The counters do not reveal that a disabled account's password was correct (oracle)."""
    arrange, name, password, _ = FAILURES[failure]
    arrange(accounts, tenants)
    login = make_login(lockout=LOCKOUT)

    for _ in range(LOCKOUT.allowed_failures):
        refusal_of(lambda: login.authenticate(HERE, name, password))
    accounts.set_status(LOGIN, RecordStatus.ACTIVE)
    tenants.set_status(TENANT, RecordStatus.ACTIVE)

    assert refusal_of(lambda: login.authenticate(HERE, name, password)).reason is Reason.PASSWORD_WRONG


def test_strangers_do_not_block_a_known_device(
    make_login: Callable[..., Login], devices: Devices, margaret: Account, clock: FakeClock
) -> None:
    """A known browser still logs in while others are blocked, and has a separate counter."""
    login = make_login(lockout=LOCKOUT)
    cookie = devices.issue(login.authenticate(HERE, LOGIN, RIGHT), None)
    fail_until_blocked(login)

    assert login.authenticate(HERE, LOGIN, RIGHT, cookie) == margaret
    refusal_of(lambda: login.authenticate(HERE, LOGIN, RIGHT))
    refusal_of(lambda: login.authenticate(HERE, LOGIN, RIGHT, cookie + "A"))

    for _ in range(LOCKOUT.allowed_failures):
        refusal_of(lambda: login.authenticate(HERE, LOGIN, WRONG, cookie))
    refusal_of(lambda: login.authenticate(HERE, LOGIN, RIGHT, cookie))
    clock.advance(seconds=30)
    assert login.authenticate(HERE, LOGIN, RIGHT, cookie) == margaret


def test_device_of_one_account_is_a_stranger_to_another(
    make_login: Callable[..., Login], accounts: Accounts, devices: Devices, margaret: Account
) -> None:
    """A cookie is valid only for the account that logged in with it."""
    rosa = accounts.add("rosa", TENANT, CHEAP.hash(RIGHT), Identity())
    login = make_login(lockout=LOCKOUT)
    cookie = devices.issue(rosa, None)
    fail_until_blocked(login)

    refusal_of(lambda: login.authenticate(HERE, LOGIN, RIGHT, cookie))

    assert login.authenticate(HERE, "rosa", RIGHT, cookie) == rosa


def test_changing_a_password_counts_guesses_too(make_login: Callable[..., Login], margaret: Account) -> None:
    """The owner of a session cannot guess the password faster."""
    login = make_login(lockout=LOCKOUT)
    for _ in range(LOCKOUT.allowed_failures):
        refusal_of(lambda: login.change_password(HERE, margaret, WRONG, NEW))

    assert (
        refusal_of(lambda: login.change_password(HERE, margaret, RIGHT, NEW)).reason is Reason.PASSWORD_WRONG
    )


def test_busy_attempt_is_not_counted(
    make_login: Callable[..., Login], margaret: Account, gate: Gate, database: Database, clock: FakeClock
) -> None:
    """An attempt without a slot is not counted and does not bring the block nearer."""
    login, gate.is_closed = make_login(slots=2, lockout=LOCKOUT), True
    busy = InBackground(login, WRONG)
    assert gate.arrived.acquire(timeout=PATIENCE_SECONDS)

    for _ in range(20):
        assert refusal_of(lambda: login.authenticate(HERE, LOGIN, WRONG)).reason is Reason.HASHING_BUSY
    gate.open()
    busy.end()

    assert Lockout(database, LOCKOUT, clock).lock(LOGIN).failures == 1


def test_guess_that_cannot_be_counted_is_not_tried(
    make_login: Callable[..., Login], margaret: Account, gate: Gate, database: Database
) -> None:
    """If the reservation cannot be stored, it is a fault and nothing is hashed."""
    login = make_login(lockout=LOCKOUT)
    with database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE login_attempts RENAME TO away")
    try:
        with pytest.raises(Fault) as raised:
            login.authenticate(HERE, LOGIN, RIGHT)
    finally:
        with database.write() as connection:
            connection.exec_driver_sql("ALTER TABLE away RENAME TO login_attempts")

    assert raised.value.reason is Reason.STORE_UNAVAILABLE
    assert gate.count == 0
    assert login.authenticate(HERE, LOGIN, RIGHT) == margaret
