"""Secrets at rest: only the same key, the same purpose and unchanged bytes decrypt."""

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


def encryption_in(folder: Path) -> SecretEncryption:
    folder.mkdir(exist_ok=True)
    encryption = SecretEncryption(folder)
    encryption.create()
    return encryption


@pytest.fixture
def encryption(tmp_path: Path) -> SecretEncryption:
    return encryption_in(tmp_path / "keys")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> SecretEncryption:
    return encryption_in(tmp_path_factory.mktemp("keys"))


def does_not_decrypt(encryption: SecretEncryption, ciphertext: bytes, purpose: str = PURPOSE) -> bool:
    """Return whether decrypting raises the expected fault, which reveals nothing of the secret."""
    with pytest.raises(Fault) as fault:
        encryption.decrypt(ciphertext, purpose)
    told = "".join(traceback.format_exception(fault.value)) + repr(fault.value)
    return fault.value.reason is Reason.KEYS_UNAVAILABLE and SECRET_KEY not in told


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_encrypted_secret_decrypts(shared: SecretEncryption, secret: str, purpose: str) -> None:
    """Any secret decrypts to itself for its purpose."""
    assert shared.decrypt(shared.encrypt(secret, purpose), purpose) == secret


def test_ciphertext_hides_the_secret(encryption: SecretEncryption) -> None:
    """A ciphertext is the nonce, the encrypted secret and a tag of 16 bytes; nothing is readable."""
    ciphertext = encryption.encrypt(SECRET_KEY, PURPOSE)

    assert len(ciphertext) == 12 + len(SECRET_KEY) + 16
    assert SECRET_KEY.encode() not in ciphertext


def test_format_is_aes_256_gcm(encryption: SecretEncryption, tmp_path: Path) -> None:
    """AES-256-GCM with the file's hexadecimal key, the first 12 bytes and the purpose decrypts it."""
    key = bytes.fromhex((tmp_path / "keys" / FILE).read_text())
    ciphertext = encryption.encrypt(SECRET_KEY, PURPOSE)

    assert len(key) == 32
    assert AESGCM(key).decrypt(ciphertext[:12], ciphertext[12:], PURPOSE.encode()) == SECRET_KEY.encode()


def test_old_ciphertext_decrypts(tmp_path: Path) -> None:
    """A fixed ciphertext made by an earlier version decrypts for ever."""
    (tmp_path / FILE).touch(0o600)
    (tmp_path / FILE).write_text(bytes(range(32)).hex() + "\n")
    ciphertext = bytes.fromhex(
        "000102030405060708090a0b0c4a906ca4bc947ee60ac4c6808f022fc5bfee7c96311315680987e3"
        "6d2b54f83979eccb9caf74c21cd639fd6d0b25657d5da92762495ee8978c20"
    )

    assert SecretEncryption(tmp_path).decrypt(ciphertext, PURPOSE) == SECRET_KEY


def test_every_ciphertext_has_a_unique_nonce(encryption: SecretEncryption) -> None:
    """The same secret encrypted a thousand times yields a thousand ciphertexts and nonces."""
    ciphertexts = [encryption.encrypt(SECRET_KEY, PURPOSE) for _ in range(1000)]

    assert len({ciphertext[:12] for ciphertext in ciphertexts}) == 1000
    assert len({ciphertext[12:] for ciphertext in ciphertexts}) == 1000


@pytest.mark.parametrize(
    "purpose", ["", "channel:", f"{PURPOSE}0", PURPOSE[:-1], PURPOSE.upper(), f" {PURPOSE}"]
)
def test_ciphertext_is_bound_to_its_purpose(encryption: SecretEncryption, purpose: str) -> None:
    """A ciphertext moved to another row of the database does not decrypt there."""
    ciphertext = encryption.encrypt(SECRET_KEY, PURPOSE)

    assert does_not_decrypt(encryption, ciphertext, purpose)
    assert encryption.decrypt(ciphertext, PURPOSE) == SECRET_KEY


def test_every_changed_bit_is_detected(encryption: SecretEncryption) -> None:
    """A ciphertext with any bit flipped in nonce, content or tag does not decrypt."""
    ciphertext = encryption.encrypt(SECRET_KEY, PURPOSE)

    for place in range(len(ciphertext) * 8):
        changed = bytearray(ciphertext)
        changed[place // 8] ^= 1 << place % 8
        assert does_not_decrypt(encryption, bytes(changed))


def test_every_truncated_ciphertext_is_detected(encryption: SecretEncryption) -> None:
    """A ciphertext truncated anywhere, even to nothing, raises the same fault."""
    ciphertext = encryption.encrypt(SECRET_KEY, PURPOSE)

    for length in range(len(ciphertext)):
        assert does_not_decrypt(encryption, ciphertext[:length])


def test_extended_ciphertext_is_detected(encryption: SecretEncryption) -> None:
    """A ciphertext with appended bytes does not decrypt."""
    ciphertext = encryption.encrypt(SECRET_KEY, PURPOSE)

    assert does_not_decrypt(encryption, ciphertext + b"\x00")
    assert does_not_decrypt(encryption, b"\x00" + ciphertext)


def test_other_key_decrypts_nothing(encryption: SecretEncryption, tmp_path: Path) -> None:
    """The database alone, restored beside another key, reveals nothing."""
    ciphertext = encryption.encrypt(SECRET_KEY, PURPOSE)

    assert does_not_decrypt(encryption_in(tmp_path / "other"), ciphertext)


def test_create_makes_a_private_key_once(encryption: SecretEncryption, tmp_path: Path) -> None:
    """The key is 256 bits in hexadecimal, readable to this user only; creating it again changes nothing."""
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
    """A key that is not 256 bits in hexadecimal is unusable, and the fault does not reveal it."""
    encryption = encryption_in(tmp_path / "keys")
    ciphertext = encryption.encrypt(SECRET_KEY, PURPOSE)
    (tmp_path / "keys" / FILE).write_text(content)

    with pytest.raises(Fault) as fault:
        encryption.encrypt(SECRET_KEY, PURPOSE)
    assert fault.value.reason is Reason.KEYS_UNAVAILABLE
    assert "stolen" not in "".join(traceback.format_exception(fault.value))
    assert does_not_decrypt(encryption, ciphertext)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o666])
def test_key_open_to_others_is_refused(encryption: SecretEncryption, tmp_path: Path, mode: int) -> None:
    """A key that others may read or write is unusable until it is private again."""
    path = tmp_path / "keys" / FILE
    path.chmod(mode)

    with pytest.raises(
        Fault, match=r"^keys_unavailable: sealing\.key is open to other users; chmod 0600 it$"
    ):
        encryption.encrypt(SECRET_KEY, PURPOSE)

    path.chmod(0o600)
    assert encryption.decrypt(encryption.encrypt(SECRET_KEY, PURPOSE), PURPOSE) == SECRET_KEY


def test_missing_key_is_a_fault(tmp_path: Path) -> None:
    """Without a key nothing is encrypted, and none is created implicitly."""
    with pytest.raises(
        Fault,
        match=r"^keys_unavailable: sealing\.key is missing: restore the folder of the keys",
    ):
        SecretEncryption(tmp_path).encrypt(SECRET_KEY, PURPOSE)

    assert list(tmp_path.iterdir()) == []
