"""The keyring: its file, the states of its keys, and its signatures, computed independently."""

import hashlib
import hmac
import os
import re
import traceback
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from itsdangerous import Signer

from tests.support.fakes import AGENT, START, FakeClock
from tests.support.parallel_threads import at_once
from validator.clock import iso_milliseconds
from validator.errors import Fault, OperatorError, Reason
from validator.keys.keyring import FILE, MAX_LIFE, Key, Keyring, KeyState
from validator.settings.fields import Duration
from validator.settings.sections import SECTIONS
from validator.tokens.claims import MAX_LIFE as TOKEN_LIFE
from validator.tokens.claims import Audience, Claims
from validator.tokens.issuer import purpose
from validator.webchat.guests import PURPOSE as GUEST_PURPOSE

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
PURPOSE = "a purpose"
VERIFY_ONLY, SIGNING, PENDING = bytes(range(32)), bytes(range(100, 132)), bytes(range(200, 232))
DESTROYED = b"\xee" * 32
# The file byte by byte: a newer version must read what an older one wrote.
FIXED = """{
  "keys": [
    {
      "id": "00000001",
      "state": "revoked",
      "created_at": "2026-01-01T00:00:00.000Z",
      "secret": ""
    },
    {
      "id": "00000002",
      "state": "verify-only",
      "created_at": "2026-02-01T00:00:00.000Z",
      "secret": "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    },
    {
      "id": "00000003",
      "state": "signing",
      "created_at": "2026-03-01T00:00:00.263Z",
      "secret": "6465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f80818283"
    },
    {
      "id": "00000004",
      "state": "pending",
      "created_at": "2026-04-01T00:00:00.000Z",
      "secret": "c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7"
    }
  ]
}
"""


def write(path: Path, text: str | bytes, mode: int = 0o600) -> Path:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def keyring_of(path: Path) -> Keyring:
    return Keyring(path.parent, FakeClock())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a keyring's file."""
    return tmp_path / "keys" / FILE


@pytest.fixture
def fixed(path: Path) -> Keyring:
    """Return the keyring of the fixed file."""
    return keyring_of(write(path, FIXED))


@pytest.fixture
def fresh(path: Path) -> Keyring:
    """Return a keyring just created."""
    keyring = keyring_of(path)
    keyring.create()
    return keyring


def unpadded(octets: bytes) -> str:
    return urlsafe_b64encode(octets).decode().rstrip("=")


def independently_signed(secret: bytes, salt: str, payload: bytes) -> str:
    """Return `payload.signature` by RFC 2104 and RFC 4648 alone: an HMAC derives the key of the other."""
    derived = hmac.new(secret, salt.encode(), hashlib.sha256).digest()
    text = unpadded(payload)
    return f"{text}.{unpadded(hmac.new(derived, text.encode(), hashlib.sha256).digest())}"


def states(keyring: Keyring) -> list[str]:
    return [key.state.value for key in keyring.list()]


# File


def test_pinned_file_is_read(fixed: Keyring) -> None:
    """The fixed file yields exactly these four keys, oldest to newest."""
    assert fixed.list() == (
        Key("00000001", KeyState.REVOKED, datetime(2026, 1, 1, tzinfo=UTC), b""),
        Key("00000002", KeyState.VERIFY_ONLY, datetime(2026, 2, 1, tzinfo=UTC), VERIFY_ONLY),
        Key("00000003", KeyState.SIGNING, datetime(2026, 3, 1, 0, 0, 0, 263000, tzinfo=UTC), SIGNING),
        Key("00000004", KeyState.PENDING, datetime(2026, 4, 1, tzinfo=UTC), PENDING),
    )


def test_pinned_format_is_written(fixed: Keyring, path: Path) -> None:
    """A change writes the fixed format: only the state and the secret of the revoked key differ."""
    fixed.revoke("00000002")

    expected = FIXED.replace('"verify-only"', '"revoked"').replace(VERIFY_ONLY.hex(), "")
    assert path.read_text() == expected


def test_rotation_writes_the_format_too(fixed: Keyring, path: Path) -> None:
    """After a rotation the file has the same keys with their new states."""
    fixed.rotate()

    expected = FIXED.replace('"signing"', '"verify-only"').replace('"pending"', '"signing"')
    for secret in (VERIFY_ONLY, SIGNING):
        retired = f',\n      "retired_at": "{iso_milliseconds(START)}"'
        expected = expected.replace(f'"{secret.hex()}"', f'"{secret.hex()}"{retired}')
    assert path.read_text() == expected
    assert [key.retired_at for key in fixed.list()] == [None, START, START, None]


def test_first_key(fresh: Keyring, path: Path) -> None:
    """A new keyring has one signing key of 256 random bits, in a private file of a private folder."""
    (key,) = fresh.list()

    assert (key.state, key.created_at, len(key.secret)) == (KeyState.SIGNING, START, 32)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert key.secret.hex() in path.read_text()


def test_create_changes_no_existing_keyring(fixed: Keyring, path: Path) -> None:
    """Creating again changes nothing."""
    fixed.create()

    assert path.read_text() == FIXED


def test_two_keyrings_differ(fresh: Keyring, tmp_path: Path) -> None:
    """No two keyrings share a key."""
    other = keyring_of(tmp_path / "other" / FILE)
    other.create()

    assert fresh.list()[0].id != other.list()[0].id
    assert fresh.list()[0].secret != other.list()[0].secret


@pytest.mark.parametrize("change", ["rotate", "revoke"])
def test_file_stays_private(fixed: Keyring, path: Path, change: str) -> None:
    """Every change leaves one file of mode 0600 and its lock, as private and with its holder's name only."""
    if change == "rotate":
        fixed.rotate()
    else:
        fixed.revoke("00000002")

    lock = path.parent / f".{FILE}.lock"
    assert {each: each.stat().st_mode & 0o777 for each in path.parent.iterdir()} == {path: 0o600, lock: 0o600}
    assert path.stat().st_size > 0
    process, name = os.getpid(), Path("/proc/self/comm").read_text().strip()
    assert re.fullmatch(rf"{process} pid:\[\d+\] {re.escape(name)} *\n", lock.read_text())


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610, 0o601, 0o620, 0o602, 0o666, 0o777])
def test_file_open_to_others_is_refused(path: Path, mode: int) -> None:
    """A file that others might read, write or execute is unusable until it is private again."""
    keyring = keyring_of(write(path, FIXED, mode))

    with pytest.raises(Fault) as fault:
        keyring.list()

    assert fault.value.reason is Reason.KEYS_UNAVAILABLE
    path.chmod(0o600)
    assert len(keyring.list()) == 4


def test_file_may_be_read_only(path: Path) -> None:
    """A file that this user may only read is private enough."""
    assert len(keyring_of(write(path, FIXED, 0o400)).list()) == 4


def broken(old: str, new: str) -> str:
    assert old in FIXED
    return FIXED.replace(old, new)


MARK = "stolen"  # in every broken file, in place of a secret
SECRET = SIGNING.hex()
BROKEN: dict[str, str | bytes] = {
    "empty": "",
    "not JSON": f"{{{MARK}",
    "not UTF-8": b"\xff" + MARK.encode(),
    "cut short": FIXED[:-20] + MARK,
    "a list": f'["{MARK}"]',
    "a text": f'"{MARK}"',
    "null": "null",
    "no keys": f'{{"{MARK}": []}}',
    "keys are null": '{"keys": null}',
    "keys are a number": '{"keys": 7}',
    "keys are a text": f'{{"keys": "{MARK}"}}',
    "keys are texts": f'{{"keys": ["{MARK}"]}}',
    "keys are an object": f'{{"keys": {{"{MARK}": 1}}}}',
    "no key": '{"keys": []}',
    "a key without id": broken('"id": "00000001",', f'"{MARK}": 1,'),
    "a key without secret": broken(f'"secret": "{SECRET}"', f'"{MARK}": 1'),
    "an unknown state": broken('"pending"', f'"{MARK}"'),
    "a state that is a list": broken('"pending"', f'["{MARK}"]'),
    "no instant": broken("2026-04-01T00:00:00.000Z", MARK),
    "an instant that is a number": broken('"2026-04-01T00:00:00.000Z"', "7"),
    "a secret that is not hexadecimal": broken(SECRET, MARK + SECRET[6:]),
    "a secret that is a number": broken(f'"{SECRET}"', "7"),
    "a secret that is null": broken(f'"{SECRET}"', "null"),
    "a signing secret one byte short": broken(SECRET, SECRET[2:]),
    "a verifying secret one byte short": broken(VERIFY_ONLY.hex(), VERIFY_ONLY.hex()[2:]),
    "a pending secret one byte short": broken(PENDING.hex(), PENDING.hex()[2:]),
    "an empty signing secret": broken(SECRET, ""),
    "two signing keys": broken('"verify-only"', '"signing"'),
    "no signing key": broken('"signing"', '"verify-only"'),
}


def texts_of(error: BaseException) -> str:
    """Return every text of *error* that anybody might print or log."""
    return "\n".join([str(error), repr(error), *traceback.format_exception(error)])


@pytest.mark.parametrize("name", BROKEN)
def test_broken_file_is_a_fault_that_reveals_nothing(path: Path, name: str) -> None:
    """The fault of an unusable file names the file and nothing of its content."""
    keyring = keyring_of(write(path, BROKEN[name]))

    for use in (keyring.list, lambda: keyring.signer(PURPOSE), keyring.stage, keyring.rotate):
        with pytest.raises(Fault) as fault:
            use()
        told = texts_of(fault.value)
        assert fault.value.reason is Reason.KEYS_UNAVAILABLE
        assert FILE in told
        for part in (MARK, SECRET[6:], SECRET[:16], VERIFY_ONLY.hex()[2:], PENDING.hex()[2:], "00000001"):
            assert part not in told
    content = BROKEN[name]
    assert path.read_bytes() == (content if isinstance(content, bytes) else content.encode())


def test_missing_file_is_a_fault(path: Path) -> None:
    """Without a file there is no key, and none is created."""
    with pytest.raises(
        Fault,
        match=r"^keys_unavailable: keyring\.json is missing: restore the folder of the keys",
    ):
        keyring_of(path).list()

    assert not path.exists()


def test_folder_in_the_place_of_the_file_is_a_fault(path: Path) -> None:
    """A folder at the file's path is a fault."""
    path.mkdir(parents=True, mode=0o700)

    with pytest.raises(Fault, match=r"^keys_unavailable: keyring\.json cannot be used: Is a directory$"):
        keyring_of(path).list()


def test_secrets_are_in_no_repr(fixed: Keyring) -> None:
    """No repr contains a secret."""
    shown = repr(fixed) + repr(fixed.list()) + repr(fixed.signer(PURPOSE))

    for secret in (VERIFY_ONLY, SIGNING, PENDING):
        assert secret.hex() not in shown
        assert repr(secret)[2:-1] not in shown


# Keys and signatures


def test_signature_is_computed_as_documented(fixed: Keyring) -> None:
    """HMAC-SHA-256 with a key derived by an HMAC of the purpose yields the same text."""
    for payload in (b"", b"a", b"ab", b"abc", bytes(range(256))):
        assert fixed.signer(PURPOSE).sign(payload) == independently_signed(SIGNING, PURPOSE, payload)


def test_token_of_a_fixed_key_is_pinned(fixed: Keyring) -> None:
    """A token for fixed claims under a fixed key is this text, as in every earlier version."""
    claims = Claims("jti-1", AGENT, 1, 5, START, START + timedelta(minutes=10))

    token = fixed.signer(purpose(Audience.AGENT)).sign(claims.to_json())

    assert token == (
        "eyJqdGkiOiJqdGktMSIsImF1ZCI6ImFnZW50IiwidGVuIjoiMjAyNDAwMDAwMDAxIiwic3ViIjoiYWdl"
        "bnQtNyIsImVwbyI6MSwicmV2Ijo1LCJpYXQiOjE3OTM3NjM5NTIyNjMsImV4cCI6MTc5Mzc2NDU1MjI2M30"
        ".ZayctxH4FMUvOhhzEL7dzQF7egLn6VYviaI_hEJBcZA"
    )
    assert token == independently_signed(SIGNING, "validator.token.agent.v1", claims.to_json())


@pytest.mark.parametrize(
    ("secret", "is_trusted"),
    [(SIGNING, True), (VERIFY_ONLY, True), (PENDING, True), (DESTROYED, False), (b"", False)],
    ids=["signing", "verify-only", "pending", "unknown", "empty as the revoked key's"],
)
def test_which_keys_are_trusted(fixed: Keyring, secret: bytes, is_trusted: bool) -> None:
    """Signatures of a signing, verify-only or pending key verify; others do not."""
    text = independently_signed(secret, PURPOSE, b"payload")

    assert fixed.signer(PURPOSE).verify(text) == (b"payload" if is_trusted else None)


def test_life_of_a_key(fresh: Keyring) -> None:
    """A key is pending, then signing, then verify-only, then revoked; its signatures verify until then."""
    pending = fresh.stage()
    by_pending = independently_signed(pending.secret, PURPOSE, b"p")
    assert states(fresh) == ["signing", "pending"]
    assert fresh.signer(PURPOSE).sign(b"p") != by_pending
    assert fresh.signer(PURPOSE).verify(by_pending) == b"p"

    assert fresh.rotate().id == pending.id
    assert states(fresh) == ["verify-only", "signing"]
    assert fresh.signer(PURPOSE).sign(b"p") == by_pending

    fresh.rotate()
    assert states(fresh) == ["verify-only", "verify-only", "signing"]
    assert fresh.signer(PURPOSE).sign(b"p") != by_pending
    assert fresh.signer(PURPOSE).verify(by_pending) == b"p"

    fresh.revoke(pending.id)
    assert states(fresh) == ["verify-only", "revoked", "signing"]
    assert fresh.signer(PURPOSE).verify(by_pending) is None


def test_rotation_without_a_pending_key_makes_one(fresh: Keyring) -> None:
    """Without a pending key the rotation creates one, which signs at once."""
    (first,) = fresh.list()

    second = fresh.rotate()

    assert states(fresh) == ["verify-only", "signing"]
    assert second.id != first.id
    assert second.secret != first.secret
    assert fresh.signer(PURPOSE).sign(b"p") == independently_signed(second.secret, PURPOSE, b"p")


def test_key_has_the_time_of_its_creation(path: Path) -> None:
    """A staged key's creation time is when it was staged."""
    clock = FakeClock()
    keyring = Keyring(path.parent, clock)
    keyring.create()
    clock.advance(days=30)

    assert keyring.stage().created_at == START + timedelta(days=30)


def test_second_pending_key_is_an_error(fixed: Keyring, path: Path) -> None:
    """There is at most one pending key."""
    with pytest.raises(OperatorError, match=r"^a key is pending already$"):
        fixed.stage()

    assert path.read_text() == FIXED


@pytest.mark.parametrize("key_id", ["00000003", "00000005", "", "0000000"])
def test_signing_or_unknown_key_is_not_revoked(fixed: Keyring, path: Path, key_id: str) -> None:
    """The signing key must be rotated first, and an id must be complete; nothing changes."""
    with pytest.raises(OperatorError, match=f"key {key_id}"):
        fixed.revoke(key_id)

    assert path.read_text() == FIXED


@pytest.mark.parametrize("key_id", ["00000001", "00000002", "00000004"])
def test_any_other_key_can_be_revoked(fixed: Keyring, path: Path, key_id: str) -> None:
    """A verify-only, pending or revoked key can be revoked; its secret is removed from the file."""
    secret = next(key.secret for key in fixed.list() if key.id == key_id)

    fixed.revoke(key_id)

    assert next(key.state for key in fixed.list() if key.id == key_id) is KeyState.REVOKED
    assert not secret or secret.hex() not in path.read_text()


# Reloading


def test_change_is_effective_at_once(fresh: Keyring, path: Path) -> None:
    """Another process's rotation or revocation is effective at the next use, without a restart."""
    other = keyring_of(path)
    old = other.signer(PURPOSE).sign(b"p")
    (first,) = other.list()

    new_key = fresh.rotate()
    assert other.signer(PURPOSE).sign(b"p") == independently_signed(new_key.secret, PURPOSE, b"p") != old
    assert other.signer(PURPOSE).verify(old) == b"p"

    fresh.revoke(first.id)
    assert other.signer(PURPOSE).verify(old) is None


def test_rapid_changes_are_all_seen(fresh: Keyring, path: Path) -> None:
    """However fast changes follow each other, the next use sees the last one."""
    other = keyring_of(path)

    for _ in range(20):
        fresh.rotate()
        assert other.list() == fresh.list()
        fresh.stage()
        assert other.list() == fresh.list()


def test_damage_and_repair_are_seen_at_once(fixed: Keyring, path: Path) -> None:
    """A keyring in use raises a fault as soon as its file is damaged, and works once it is repaired."""
    assert fixed.signer(PURPOSE).sign(b"p")

    write(path, "damaged")
    with pytest.raises(Fault):
        fixed.signer(PURPOSE)
    path.unlink()
    with pytest.raises(Fault):
        fixed.signer(PURPOSE)

    write(path, FIXED)
    assert fixed.signer(PURPOSE).verify(independently_signed(SIGNING, PURPOSE, b"p")) == b"p"


def test_damaged_file_does_not_leave_old_keys_in_use(fixed: Keyring, path: Path) -> None:
    """While the file is damaged, nothing verifies with keys read before."""
    text = fixed.signer(PURPOSE).sign(b"p")
    write(path, FIXED[:-10])

    for _ in range(2):
        with pytest.raises(Fault):
            fixed.signer(PURPOSE).verify(text)


def test_concurrent_rotations_lose_no_key(fresh: Keyring, path: Path) -> None:
    """Four concurrent rotations make four keys, and none overwrites another."""
    (first,) = fresh.list()

    assert at_once(4, lambda: keyring_of(path).rotate()) == []

    assert states(fresh) == ["verify-only"] * 4 + ["signing"]
    assert len({key.secret for key in fresh.list()}) == 5
    assert fresh.list()[0].id == first.id


def test_one_of_many_creators_makes_the_key(path: Path) -> None:
    """Of eight concurrent creators one succeeds, and all have its key."""
    rings = [keyring_of(path) for _ in range(8)]

    assert at_once(8, lambda: rings.pop().create()) == []

    assert len({keyring_of(path).list()[0].id for _ in range(8)}) == 1
    assert states(keyring_of(path)) == ["signing"]


def test_folder_open_to_others_is_refused(path: Path) -> None:
    """No key is created in a folder that others can read, and the folder is unchanged."""
    path.parent.mkdir(mode=0o755)

    with pytest.raises(PermissionError, match=r"keys is open to other users; chmod 0700 it$"):
        keyring_of(path).create()

    assert list(path.parent.iterdir()) == []
    assert path.parent.stat().st_mode & 0o777 == 0o755


# Expired keys


def days(number: float) -> timedelta:
    return timedelta(days=number)


def test_key_is_dropped_when_all_its_signatures_have_expired(path: Path) -> None:
    """A key verifies for the longest lifetime plus a week after its last signature."""
    clock = FakeClock()
    keyring = Keyring(path.parent, clock)
    keyring.create()
    life = days(1)
    old = keyring.signer(PURPOSE, life).sign(b"payload")
    clock.advance(days=300)
    still = keyring.signer(PURPOSE, life).sign(b"payload")
    keyring.rotate()

    clock.advance(days=8, milliseconds=-1)
    assert [keyring.signer(PURPOSE, life).verify(each) for each in (old, still)] == [b"payload"] * 2
    clock.advance(milliseconds=1)
    assert [keyring.signer(PURPOSE, life).verify(each) for each in (old, still)] == [None] * 2
    assert keyring.signer(PURPOSE).verify(still) == b"payload"  # signatures that may last a year still verify

    clock.advance(days=364)
    assert keyring.signer(PURPOSE).verify(still) is None
    clock.advance(days=-364)  # the clock was wrong: nothing was lost
    assert keyring.signer(PURPOSE).verify(still) == b"payload"


def test_expired_keys_are_not_tried(path: Path) -> None:
    """However many rotations there were, a token is verified only with keys that may have signed it."""
    clock = FakeClock()
    keyring = Keyring(path.parent, clock)
    keyring.create()
    for _ in range(40):
        clock.advance(days=30)
        keyring.rotate()

    def keys_tried(life: timedelta) -> int:
        return len(keyring.signer(PURPOSE, life)._keys)

    assert keys_tried(days(1)) == 2
    assert keys_tried(MAX_LIFE) == 14
    assert len(keyring.list()) == 41


def test_key_without_a_retirement_time_is_trusted(path: Path) -> None:
    """An older version's key verifies until its lifetime after the next rotation."""
    write(path, FIXED)
    clock = FakeClock()
    keyring = Keyring(path.parent, clock)
    old = independently_signed(VERIFY_ONLY, PURPOSE, b"payload")
    clock.advance(days=1000)
    assert keyring.signer(PURPOSE, days(1)).verify(old) == b"payload"

    keyring.rotate()

    assert keyring.signer(PURPOSE, days(1)).verify(old) == b"payload"
    clock.advance(days=8)
    assert keyring.signer(PURPOSE, days(1)).verify(old) is None


def test_lifetimes_match_the_settings_maximum() -> None:
    """No setting lets a signature outlive the verification of its key."""
    lives = {
        "tokens.agent_lifetime": TOKEN_LIFE,
        "tokens.chat_lifetime": TOKEN_LIFE,
        "webchat.guest_lifetime": MAX_LIFE,
        "lockout.device_lifetime": MAX_LIFE,
    }
    for key, life in lives.items():
        section, name = key.split(".")
        field = SECTIONS[section].fields[name]
        assert isinstance(field, Duration)
        assert field.maximum <= life


# Purposes and encodings

PURPOSES = ["", "a", PURPOSE, f"{PURPOSE} ", GUEST_PURPOSE, *(purpose(audience) for audience in Audience)]


def test_purposes_are_pinned() -> None:
    """The three purposes in use are fixed and distinct, since existing signatures depend on them."""
    assert purpose(Audience.AGENT) == "validator.token.agent.v1"
    assert purpose(Audience.CHAT) == "validator.token.chat.v1"
    assert GUEST_PURPOSE == "validator.guest.v1"


@pytest.mark.parametrize("signed_for", PURPOSES)
def test_signature_verifies_for_its_purpose_only(fixed: Keyring, signed_for: str) -> None:
    """A signature for one purpose verifies for that one only."""
    text = fixed.signer(signed_for).sign(b"payload")

    assert [each for each in PURPOSES if fixed.signer(each).verify(text) is not None] == [signed_for]


def encodings(text: str) -> list[str]:
    """Return *text* with its last character as each of the four that differ in base64's spare bits."""
    first = ALPHABET.index(text[-1]) & ~3
    return [text[:-1] + ALPHABET[first + spare] for spare in range(4)]


@pytest.mark.parametrize("number", range(16))
def test_only_the_canonical_last_character_verifies(fixed: Keyring, number: int) -> None:
    """43 characters have two bits more than 32 bytes; only one of four encodings verifies."""
    text = fixed.signer(PURPOSE).sign(b"payload %d" % number)

    assert [each for each in encodings(text) if fixed.signer(PURPOSE).verify(each) is not None] == [text]


def test_library_accepts_all_encodings(fixed: Keyring) -> None:
    """The control of the test above: the library accepts all four encodings."""
    lenient = Signer(SIGNING, salt=PURPOSE, key_derivation="hmac", digest_method=hashlib.sha256)

    text = fixed.signer(PURPOSE).sign(b"payload")

    assert [lenient.validate(each) for each in encodings(text)] == [True] * 4


# "%" is replaced by the signed text.
RESPELLINGS = {
    "padded": "%=",
    "padded twice": "%==",
    "space behind": "% ",
    "space before": " %",
    "newline behind": "%\n",
    "carriage return behind": "%\r\n",
    "tab before": "\t%",
    "no-break space behind": "%\u00a0",
    "semicolon behind": "%;",
    "accent behind": "%é",
    "NUL behind": "%\x00",
    "lone surrogate behind": "%\ud800",
    "byte-order mark before": "\ufeff%",
    "dot behind": "%.",
    "dot before": ".%",
    "twice": "%.%",
    "in quotes": '"%"',
}


@pytest.mark.parametrize("name", RESPELLINGS)
def test_nothing_may_be_added(fixed: Keyring, name: str) -> None:
    """Padding, white space, other characters and further parts make a text that does not verify."""
    text = fixed.signer(PURPOSE).sign(b"payload")

    assert fixed.signer(PURPOSE).verify(RESPELLINGS[name].replace("%", text)) is None
    assert fixed.signer(PURPOSE).verify(text) == b"payload"


@pytest.mark.parametrize("character", "=;é \n\x00.+/")
def test_nothing_may_be_inserted(fixed: Keyring, character: str) -> None:
    """One foreign character anywhere invalidates the text, though a lenient decoder would skip it."""
    text = fixed.signer(PURPOSE).sign(b"payload")

    put = [text[:place] + character + text[place:] for place in range(len(text) + 1)]

    assert [each for each in put if fixed.signer(PURPOSE).verify(each) is not None] == []


def test_standard_base64_alphabet_is_refused(fixed: Keyring) -> None:
    """Standard base64's `+` and `/` do not verify in place of `-` and `_`."""
    texts = [fixed.signer(PURPOSE).sign(b"\xfb\xff%d" % number) for number in range(64)]
    assert {"-", "_"} <= set("".join(text.split(".")[1] for text in texts))

    for text in texts:
        standard = text.replace("-", "+").replace("_", "/")
        halves = text.split(".")[0] + "." + standard.split(".")[1]
        assert fixed.signer(PURPOSE).verify(standard) is None
        assert halves == text or fixed.signer(PURPOSE).verify(halves) is None


@pytest.mark.parametrize("text", ["", ".", "..", "a", "a.", ".a", "a.b", "." + "A" * 43, "A" * 44, "A.B.C"])
def test_malformed_text_does_not_verify(fixed: Keyring, text: str) -> None:
    """A text without a payload, or with a signature of another length, is rejected without a check."""
    assert fixed.signer(PURPOSE).verify(text) is None


def test_signature_of_another_length_does_not_verify(fixed: Keyring) -> None:
    """A valid signature shortened or extended by a character does not verify."""
    text = fixed.signer(PURPOSE).sign(b"payload")

    assert fixed.signer(PURPOSE).verify(text[:-1]) is None
    assert fixed.signer(PURPOSE).verify(f"{text}A") is None
