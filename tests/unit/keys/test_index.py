"""The keys of the blind indexes: their states, their file, and what an entry depends on."""

import hashlib
import hmac
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validator.errors import Fault, OperatorError, Reason
from validator.keys.index import FILE, IndexKey, IndexKeys, IndexKeyState

CURRENT, NEXT, PREVIOUS = IndexKeyState.CURRENT, IndexKeyState.NEXT, IndexKeyState.PREVIOUS
KEY = IndexKey(CURRENT, bytes(range(32)))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@pytest.fixture
def keys(tmp_path: Path) -> IndexKeys:
    keys = IndexKeys(tmp_path / "keys")
    keys.create()
    return keys


def states(keys: IndexKeys) -> list[tuple[IndexKeyState, str]]:
    return [(key.state, key.id) for key in keys.list()]


def test_first_key_is_made_once(keys: IndexKeys, tmp_path: Path) -> None:
    """There is one current key, in a private file, and a second `create` leaves it."""
    before = states(keys)

    keys.create()

    assert states(keys) == before
    assert [state for state, _ in before] == [CURRENT]
    assert (tmp_path / "keys" / FILE).stat().st_mode & 0o777 == 0o600


def test_rotation_keeps_the_old_key_until_its_end(keys: IndexKeys) -> None:
    """The new key is current and the old one finds entries, until every entry was made again."""
    ((_, old),) = states(keys)

    new = keys.rotate().id
    during = states(keys)
    keys.finish()

    assert during == [(CURRENT, new), (PREVIOUS, old)]
    assert states(keys) == [(CURRENT, new)]
    assert new != old


def test_interrupted_rotation_goes_on_with_its_key(keys: IndexKeys) -> None:
    """A second `rotate` before the end makes no third key: entries of the first would be lost."""
    new = keys.rotate()

    assert keys.rotate() == new
    assert len(keys.list()) == 2


def test_staged_key_makes_no_entries_yet(keys: IndexKeys) -> None:
    """A staged key finds entries on a node that has it, and makes some only after the rotation."""
    ((_, old),) = states(keys)

    staged = keys.stage().id

    assert states(keys) == [(CURRENT, old), (NEXT, staged)]
    assert keys.rotate().id == staged


def test_only_one_key_is_staged(keys: IndexKeys) -> None:
    """Neither a second key is staged, nor one during a rotation."""
    keys.stage()
    with pytest.raises(OperatorError, match="there is a next key"):
        keys.stage()

    keys.rotate()
    with pytest.raises(OperatorError, match="there is a previous key"):
        keys.stage()


def test_lost_file_is_replaced_by_a_rotation_only(tmp_path: Path) -> None:
    """Without its file nothing is found, which is a fault, and `rotate` begins anew."""
    keys = IndexKeys(tmp_path)
    with pytest.raises(Fault, match="missing") as raised:
        keys.list()

    assert raised.value.reason is Reason.KEYS_UNAVAILABLE
    assert not (tmp_path / FILE).exists()
    assert keys.rotate() == keys.list()[0]


@pytest.mark.parametrize(
    "content",
    [
        *("", "current", "current zz", f"current {'0' * 62}", f"next {'0' * 64}", f"other {'0' * 64}", "é"),
        f"current {'0' * 64}\ncurrent {'1' * 64}",
        f"current {'0' * 64}\nnext {'1' * 64}\nprevious {'2' * 64}",
    ],
)
def test_damaged_file_is_a_fault(keys: IndexKeys, tmp_path: Path, content: str) -> None:
    """A file that has not exactly one current key is not used, and nothing of it is quoted."""
    (tmp_path / "keys" / FILE).write_text(content)

    with pytest.raises(Fault) as raised:
        keys.list()

    assert raised.value.reason is Reason.KEYS_UNAVAILABLE
    assert "0" * 62 not in str(raised.value)


def test_digest_is_the_documented_one() -> None:
    """An entry is HMAC-SHA-256 over the tenant's length in four bytes, the tenant and the value."""
    message = b"\x00\x00\x00\x02" + b"42" + b"+8613606254580"

    assert KEY.digest("42", "+8613606254580") == hmac.new(KEY.secret, message, hashlib.sha256).digest()


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_tenants_never_share_an_entry(tenant: str, value: str, other_tenant: str, other_value: str) -> None:
    """Two pairs of tenant and value have one entry only if both are equal: the length keeps them apart."""
    same = (tenant, value) == (other_tenant, other_value)

    assert (KEY.digest(tenant, value) == KEY.digest(other_tenant, other_value)) is same


def test_length_keeps_tenants_apart() -> None:
    """The control: without the length, `1` with `23` and `12` with `3` would be one text."""
    assert "1" + "23" == "12" + "3"
    assert KEY.digest("1", "23") != KEY.digest("12", "3")


def test_key_is_private() -> None:
    """A key's representation does not contain it."""
    assert KEY.secret.hex() not in repr(KEY)
    assert repr(KEY.secret) not in repr(KEY)
