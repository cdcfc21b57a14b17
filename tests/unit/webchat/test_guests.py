"""Guests: whose id is whose, how long, and that nobody makes one up."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import orjson
import pytest

from tests.support.fakes import START, FakeClock
from validator.clock import to_milliseconds
from validator.errors import Fault, Reason, Refusal
from validator.keys.keyring import Keyring, KeyState
from validator.webchat.guests import PURPOSE, GuestPolicy, Guests

POLICY = GuestPolicy("guest-", timedelta(days=30), free_guest_ids=False)


@pytest.fixture
def guests(keyring: Keyring, clock: FakeClock) -> Guests:
    """Return what makes guests, with the default policy."""
    return Guests(keyring, POLICY, clock)


def refusal_of(guests: Guests, cookie: str | None, presented_id: str | None = None) -> Reason:
    with pytest.raises(Refusal) as refused:
        guests.guest_for(cookie, presented_id)
    return refused.value.reason


def test_new_guest_has_the_prefix_and_a_random_id(guests: Guests) -> None:
    """Each browser without a cookie gets a separate id: the prefix and 96 random bits."""
    ids = {guests.greet(None)[0].id for _ in range(50)}

    assert len(ids) == 50
    assert all(guest_id.startswith("guest-") and len(guest_id) == len("guest-") + 16 for guest_id in ids)


def test_guest_is_recognised_by_the_cookie(guests: Guests) -> None:
    """The cookie that was set stands for the guest it was set for."""
    guest, cookie = guests.greet(None)

    assert guests.recognize(cookie) == guest
    assert guest.expires_at == START + timedelta(days=30)
    assert guests.guest_for(cookie, None).id == guests.guest_for(cookie, guest.id).id == guest.id


def test_guest_keeps_the_id_and_gains_time(guests: Guests, clock: FakeClock) -> None:
    """A guest who comes back is the same one, for another lifetime from then on."""
    first, cookie = guests.greet(None)
    clock.advance(days=29)

    again, renewed = guests.greet(cookie)

    assert again.id == first.id
    assert again.expires_at == START + timedelta(days=59)
    clock.advance(days=29)
    assert guests.recognize(renewed) == again
    assert refusal_of(guests, cookie) is Reason.GUEST_MISSING


def test_guest_ends_at_the_end(guests: Guests, clock: FakeClock) -> None:
    """A guest is known up to the last millisecond, not at the end, and is then greeted as somebody new."""
    guest, cookie = guests.greet(None)

    clock.advance(days=30, milliseconds=-1)
    assert guests.recognize(cookie) == guest
    clock.advance(milliseconds=1)
    assert refusal_of(guests, cookie) is Reason.GUEST_MISSING
    assert guests.greet(cookie)[0].id != guest.id


@pytest.mark.parametrize("cookie", [None, ""])
def test_browser_without_a_cookie_is_nobody(guests: Guests, cookie: str | None) -> None:
    """Nothing is signed for a browser that was not greeted, whatever id its page requests."""
    assert refusal_of(guests, cookie) is Reason.GUEST_MISSING
    assert refusal_of(guests, cookie, "guest-1") is Reason.GUEST_MISSING


def test_guest_gets_no_other_id(guests: Guests) -> None:
    """The id of another guest, of a person, or of nobody is refused."""
    _, cookie = guests.greet(None)
    other, _ = guests.greet(None)

    for presented in (other.id, "customer-7", "guest-", "", "guest-1"):
        assert refusal_of(guests, cookie, presented) is Reason.GUEST_NOT_OWN


def test_changed_cookie_is_forged(guests: Guests) -> None:
    """No character of the cookie can be changed, taken away or added."""
    _, cookie = guests.greet(None)

    for place, character in enumerate(cookie):
        other = "A" if character != "A" else "B"
        assert refusal_of(guests, cookie[:place] + other + cookie[place + 1 :]) is Reason.GUEST_FORGED
    for changed in (cookie[:-1], cookie + "A", cookie + "=", " " + cookie, cookie + "\n", cookie.upper()):
        assert refusal_of(guests, changed) is Reason.GUEST_FORGED


@pytest.mark.parametrize("cookie", ["x", ".", "a.b", "é", "\x00", "." * 100, "guest-1", "A" * 1024])
def test_made_up_cookie_is_forged(guests: Guests, cookie: str) -> None:
    """Any other text is a refusal, never an error, and its browser gets a new guest."""
    assert refusal_of(guests, cookie) is Reason.GUEST_FORGED
    assert guests.greet(cookie)[0].id.startswith("guest-")


def test_signature_for_another_purpose_is_forged(guests: Guests, keyring: Keyring) -> None:
    """What the same keys signed for tokens, with the same content, is no guest."""
    content = b'{"id":"guest-1","exp":%d}' % to_milliseconds(START + timedelta(days=300))

    assert guests.recognize(keyring.signer(PURPOSE).sign(content)).id == "guest-1"
    for purpose in ("validator.token.v1.agent", "", PURPOSE + " ", PURPOSE.upper()):
        assert refusal_of(guests, keyring.signer(purpose).sign(content)) is Reason.GUEST_FORGED


def test_cookie_of_other_keys_is_forged(guests: Guests, tmp_path: Path, clock: FakeClock) -> None:
    """Another installation's cookie is worth nothing here."""
    foreign = Keyring(tmp_path / "foreign", clock)
    foreign.create()

    assert refusal_of(guests, Guests(foreign, POLICY, clock).greet(None)[1]) is Reason.GUEST_FORGED


def test_guest_outlives_a_rotation_but_not_a_revocation(guests: Guests, keyring: Keyring) -> None:
    """A rotated key still recognises its guests; a revoked one no more."""
    guest, cookie = guests.greet(None)
    keyring.rotate()
    assert guests.recognize(cookie) == guest

    (old,) = (key for key in keyring.list() if key.state is KeyState.VERIFY_ONLY)
    keyring.revoke(old.id)

    assert refusal_of(guests, cookie) is Reason.GUEST_FORGED


def test_guest_of_another_prefix_is_greeted_anew(guests: Guests, keyring: Keyring, clock: FakeClock) -> None:
    """When the prefix is changed, ids with the old one are given no more signatures."""
    _, cookie = guests.greet(None)
    changed = Guests(keyring, replace(POLICY, guest_prefix="visitor-"), clock)

    assert refusal_of(changed, cookie) is Reason.GUEST_MISSING
    assert changed.greet(cookie)[0].id.startswith("visitor-")


def test_without_keys_there_is_a_fault(guests: Guests, tmp_path: Path) -> None:
    """While the keys are unavailable no new guest is made: that would make a stranger of every guest."""
    _, cookie = guests.greet(None)
    (tmp_path / "keys" / "keyring.json").unlink()

    for presented in (cookie, None):
        with pytest.raises(Fault) as raised:
            guests.greet(presented)
        assert raised.value.reason is Reason.KEYS_UNAVAILABLE


# What the instants of a cookie are worth


def cookie_with(keyring: Keyring, **instants: datetime) -> str:
    """Return a cookie that was signed here, with *instants* by their names in it."""
    members = {"id": "guest-1"} | {name: to_milliseconds(at) for name, at in instants.items()}
    return keyring.signer(PURPOSE).sign(orjson.dumps(members))


def test_guest_is_fresh_for_ten_minutes_and_stays_known(guests: Guests, clock: FakeClock) -> None:
    """A guest who was first seen ten minutes ago is known, and renewing the cookie does not change that."""
    guest, cookie = guests.greet(None)
    clock.advance(minutes=10, milliseconds=-1)
    assert guests.is_fresh(guests.recognize(cookie))

    clock.advance(milliseconds=1)
    assert not guests.is_fresh(guests.recognize(cookie))
    renewed = guests.greet(cookie)[1]
    assert not guests.is_fresh(guests.recognize(renewed))
    assert guests.recognize(renewed).first_seen == guest.first_seen


def test_cookie_of_an_older_version_works_and_is_fresh(
    guests: Guests, keyring: Keyring, clock: FakeClock
) -> None:
    """A cookie that has only its end still stands for its guest, who is known from the next one on."""
    older = cookie_with(keyring, exp=START + timedelta(days=29))

    guest, renewed = guests.greet(older)

    assert guest.id == guests.guest_for(older, None).id == "guest-1"
    assert guests.is_fresh(guests.recognize(older))
    clock.advance(minutes=10)
    assert not guests.is_fresh(guests.recognize(renewed))


YEAR = timedelta(days=365)


@pytest.mark.parametrize(
    "instants",
    [
        {"exp": START + 2 * YEAR},
        {"exp": START + YEAR + timedelta(days=30), "iat": START + YEAR, "first": START + YEAR},
        {"exp": START + YEAR, "iat": START + timedelta(hours=1), "first": START - YEAR},
        {"exp": START + YEAR, "iat": START - timedelta(days=31), "first": START - timedelta(days=31)},
    ],
    ids=["older, endless", "a year ahead", "an hour ahead", "past the lifetime"],
)
def test_cookie_of_a_clock_that_was_ahead_is_no_good(
    guests: Guests, keyring: Keyring, instants: dict[str, datetime]
) -> None:
    """A cookie made in the future, or that would last longer than a guest is kept, stands for nobody."""
    cookie = cookie_with(keyring, **instants)

    assert refusal_of(guests, cookie) is Reason.GUEST_MISSING
    assert guests.greet(cookie)[0].id != "guest-1"


def test_control_cookie_of_a_right_clock_is_good(guests: Guests, keyring: Keyring) -> None:
    """The same members with instants of the past are a guest's; another node may be a minute ahead."""
    for ahead in (timedelta(0), timedelta(minutes=1)):
        made = START + ahead
        cookie = cookie_with(keyring, exp=made + timedelta(days=30), iat=made, first=made)

        guest = guests.recognize(cookie)

        assert guest.id == "guest-1"
        assert guest.first_seen == START
        assert guests.is_fresh(guest)


def test_first_instant_in_the_future_makes_nobody_known(
    guests: Guests, keyring: Keyring, clock: FakeClock
) -> None:
    """A first instant that lies ahead counts as now, also in the cookie that renews it."""
    cookie = cookie_with(keyring, exp=START + timedelta(days=3), iat=START, first=START + timedelta(days=9))

    renewed = guests.greet(cookie)[1]

    assert guests.is_fresh(guests.recognize(cookie))
    clock.advance(minutes=10)
    assert not guests.is_fresh(guests.recognize(renewed))


def test_shorter_lifetime_holds_for_cookies_made_before(
    guests: Guests, keyring: Keyring, clock: FakeClock
) -> None:
    """When guests are kept for a shorter time from now on, a cookie ends that time after it was made."""
    _, cookie = guests.greet(None)
    shorter = Guests(keyring, replace(POLICY, guest_lifetime=timedelta(days=2)), clock)

    clock.advance(days=2, milliseconds=-1)
    shorter.recognize(cookie)
    clock.advance(milliseconds=1)

    assert refusal_of(shorter, cookie) is Reason.GUEST_MISSING


@pytest.mark.parametrize("user_id", ["guest-", "guest-1", "GUEST-1", "Guest-of-honour"])
def test_ids_of_guests_are_reserved(user_id: str) -> None:
    """What begins like a guest's id is no person's, however it is spelt, unless pages choose ids."""
    assert POLICY.is_reserved(user_id)
    assert not replace(POLICY, free_guest_ids=True).is_reserved(user_id)
    assert not replace(POLICY, guest_prefix="visitor-").is_reserved(user_id)


@pytest.mark.parametrize("user_id", ["guest", "a-guest-1", "customer-7", ""])
def test_other_ids_are_free(user_id: str) -> None:
    """Any other id may be a person's."""
    assert not POLICY.is_reserved(user_id)


def test_free_ids_are_the_pages_choice(keyring: Keyring, clock: FakeClock) -> None:
    """With the setting on, any id that a page requests is signed; without one, the guest's own."""
    free = Guests(keyring, replace(POLICY, free_guest_ids=True), clock)
    guest, cookie = free.greet(None)

    assert free.guest_for(None, "anybody").id == "anybody"
    assert free.guest_for(cookie, "anybody").id == "anybody"
    assert free.guest_for(cookie, None).id == guest.id
    assert refusal_of(free, None) is Reason.GUEST_MISSING
