"""Secrets at rest: only the same key, the same purpose and every byte as it was opens a box."""

import traceback
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fakes import SECRET_KEY
from validator.errors import Fault, Reason
from validator.keys.encryption import FILE, SecretEncryption

PURPOSE = "channel:817854979183314945"


def sealer_in(folder: Path) -> SecretEncryption:
    folder.mkdir(exist_ok=True)
    encryption = SecretEncryption(folder)
    encryption.create()
    return encryption


@pytest.fixture
def encryption(tmp_path: Path) -> SecretEncryption:
    return sealer_in(tmp_path / "keys")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> SecretEncryption:
    return sealer_in(tmp_path_factory.mktemp("keys"))


def does_not_open(encryption: SecretEncryption, box: bytes, purpose: str = PURPOSE) -> bool:
    """Return whether opening is the fault it should be, which tells nothing of the secret."""
    with pytest.raises(Fault) as fault:
        encryption.decrypt(box, purpose)
    told = "".join(traceback.format_exception(fault.value)) + repr(fault.value)
    return fault.value.reason is Reason.KEYS_UNAVAILABLE and SECRET_KEY not in told


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_sealed_can_be_opened(shared: SecretEncryption, secret: str, purpose: str) -> None:
    """Arbitrary secrets come back as they were, for the purpose they were sealed for."""
    assert shared.decrypt(shared.encrypt(secret, purpose), purpose) == secret


def test_box_does_not_show_the_secret(encryption: SecretEncryption) -> None:
    """The box is the nonce, as many bytes as the secret has, and a tag of 16 bytes; nothing is readable."""
    box = encryption.encrypt(SECRET_KEY, PURPOSE)

    assert len(box) == 12 + len(SECRET_KEY) + 16
    assert SECRET_KEY.encode() not in box


def test_form_is_aes_256_gcm(encryption: SecretEncryption, tmp_path: Path) -> None:
    """A box opens with AES-256-GCM, the hexadecimal key of the file, its first 12 bytes and the purpose."""
    key = bytes.fromhex((tmp_path / "keys" / FILE).read_text())
    box = encryption.encrypt(SECRET_KEY, PURPOSE)

    assert len(key) == 32
    assert AESGCM(key).decrypt(box[:12], box[12:], PURPOSE.encode()) == SECRET_KEY.encode()


def test_old_box_stays_open(tmp_path: Path) -> None:
    """A box of a fixed key, nonce and purpose, made by an earlier version, opens for ever."""
    (tmp_path / FILE).touch(0o600)
    (tmp_path / FILE).write_text(bytes(range(32)).hex() + "\n")
    box = bytes.fromhex(
        "000102030405060708090a0b0c4a906ca4bc947ee60ac4c6808f022fc5bfee7c96311315680987e3"
        "6d2b54f83979eccb9caf74c21cd639fd6d0b25657d5da92762495ee8978c20"
    )

    assert SecretEncryption(tmp_path).decrypt(box, PURPOSE) == SECRET_KEY


def test_every_box_has_a_nonce_of_its_own(encryption: SecretEncryption) -> None:
    """The same secret sealed a thousand times gives a thousand boxes and nonces."""
    boxes = [encryption.encrypt(SECRET_KEY, PURPOSE) for _ in range(1000)]

    assert len({box[:12] for box in boxes}) == 1000
    assert len({box[12:] for box in boxes}) == 1000


@pytest.mark.parametrize(
    "purpose", ["", "channel:", f"{PURPOSE}0", PURPOSE[:-1], PURPOSE.upper(), f" {PURPOSE}"]
)
def test_box_is_bound_to_its_purpose(encryption: SecretEncryption, purpose: str) -> None:
    """A box moved to another row of the database does not open there."""
    box = encryption.encrypt(SECRET_KEY, PURPOSE)

    assert does_not_open(encryption, box, purpose)
    assert encryption.decrypt(box, PURPOSE) == SECRET_KEY


def test_every_changed_bit_is_noticed(encryption: SecretEncryption) -> None:
    """A box with any one bit of nonce, content or tag turned does not open."""
    box = encryption.encrypt(SECRET_KEY, PURPOSE)

    for place in range(len(box) * 8):
        changed = bytearray(box)
        changed[place // 8] ^= 1 << place % 8
        assert does_not_open(encryption, bytes(changed))


def test_every_shortened_box_is_noticed(encryption: SecretEncryption) -> None:
    """A box cut at any place, down to nothing, is the same fault as any other that does not open."""
    box = encryption.encrypt(SECRET_KEY, PURPOSE)

    for length in range(len(box)):
        assert does_not_open(encryption, box[:length])


def test_lengthened_box_is_noticed(encryption: SecretEncryption) -> None:
    """A box with something added does not open."""
    box = encryption.encrypt(SECRET_KEY, PURPOSE)

    assert does_not_open(encryption, box + b"\x00")
    assert does_not_open(encryption, b"\x00" + box)


def test_other_key_opens_nothing(encryption: SecretEncryption, tmp_path: Path) -> None:
    """The database alone, restored beside another key, gives nothing away."""
    box = encryption.encrypt(SECRET_KEY, PURPOSE)

    assert does_not_open(sealer_in(tmp_path / "other"), box)


def test_create_makes_a_private_key_once(encryption: SecretEncryption, tmp_path: Path) -> None:
    """The key is 256 bits in hexadecimal, for this user only; creating again keeps it."""
    path = tmp_path / "keys" / FILE
    before = path.read_bytes()

    encryption.create()

    assert path.read_bytes() == before
    assert (len(before), path.stat().st_mode & 0o777) == (65, 0o600)


DAMAGED = {
    "empty": "",
    "a newline": "\n",
    "a word": "stolen",
    "a byte short": "00" * 31,
    "a byte long": "00" * 33,
    "doubled": "00" * 64,
    "AES-128's length": "00" * 16,
    "AES-192's length": "00" * 24,
    "not hexadecimal": "gg" + "00" * 31,
    "not ASCII": "é" * 64,
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_damaged_key_is_a_fault(tmp_path: Path, content: str) -> None:
    """A key that is not 256 bits in hexadecimal seals and opens nothing, and the fault does not show it."""
    encryption = sealer_in(tmp_path / "keys")
    box = encryption.encrypt(SECRET_KEY, PURPOSE)
    (tmp_path / "keys" / FILE).write_text(content)

    with pytest.raises(Fault) as fault:
        encryption.encrypt(SECRET_KEY, PURPOSE)
    assert fault.value.reason is Reason.KEYS_UNAVAILABLE
    assert "stolen" not in "".join(traceback.format_exception(fault.value))
    assert does_not_open(encryption, box)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o666])
def test_key_open_to_others_is_refused(encryption: SecretEncryption, tmp_path: Path, mode: int) -> None:
    """A key that others may read or write is not used, until it is private again."""
    path = tmp_path / "keys" / FILE
    path.chmod(mode)

    with pytest.raises(
        Fault, match=r"^keys_unavailable: sealing\.key is open to other users; chmod 0600 it$"
    ):
        encryption.encrypt(SECRET_KEY, PURPOSE)

    path.chmod(0o600)
    assert encryption.decrypt(encryption.encrypt(SECRET_KEY, PURPOSE), PURPOSE) == SECRET_KEY


def test_missing_key_is_a_fault(tmp_path: Path) -> None:
    """Without a key nothing is sealed, and none is made by the way."""
    with pytest.raises(
        Fault,
        match=r"^keys_unavailable: sealing\.key is missing: restore the folder of the keys",
    ):
        SecretEncryption(tmp_path).encrypt(SECRET_KEY, PURPOSE)

    assert list(tmp_path.iterdir()) == []
