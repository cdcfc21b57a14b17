"""The chain: what links a line to its predecessor, and that any tampering with a line is detected."""

import hashlib
import hmac
import json
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fixed_trails import KEY
from validator.audit.chain import BEGINNING, link, mac_of
from validator.audit.verifying import Verifier

FIRST = b'{"time":"T","event":"trail_continued","previous":"' + BEGINNING.encode() + b'"}'
ENTRIES = [FIRST, *(b'{"time":"T","event":"login","subject":"%d"}' % number for number in range(1, 9))]


def chained(entries: list[bytes], key: bytes = KEY, previous: str = BEGINNING) -> list[bytes]:
    """Return the lines of *entries*, each linked to the one before it."""
    lines = []
    for entry in entries:
        line, previous = link(entry, previous, key)
        lines.append(line)
    return lines


LINES = chained(ENTRIES)


def verified(lines: list[bytes], key: bytes = KEY, previous: str | None = BEGINNING) -> Verifier:
    """Return the verifier after *lines*."""
    verifier = Verifier(key, previous)
    for at, line in enumerate(lines, 1):
        verifier.add(line, "file", at)
    verifier.finish()
    return verifier


def breaks(lines: list[bytes], key: bytes = KEY, previous: str | None = BEGINNING) -> list[int]:
    """Return the numbers of the lines at which the chain is broken."""
    return [found.line for found in verified(lines, key, previous).problems]


def last_mac(lines: list[bytes]) -> str:
    """Return the mac that the next line must follow."""
    return verified(lines).end[1]


# Format


def test_format_is_pinned() -> None:
    """The line for a fixed entry and key is this text, as in every earlier version."""
    line, mac = link(b'{"event":"login","subject":"\xe6\x9d\x8e"}', BEGINNING, KEY)

    assert line == (
        b'{"event":"login","subject":"\xe6\x9d\x8e",'
        b'"mac":"62c7e1c08b176c0f6600a2a9274402a9f55bb41568062c6dc722b743ce156aec"}\n'
    )
    assert line == b'{"event":"login","subject":"\xe6\x9d\x8e","mac":"' + mac.encode() + b'"}\n'


def test_beginning_is_pinned() -> None:
    """The first line of a trail follows 64 zeros."""
    assert BEGINNING == "0000000000000000000000000000000000000000000000000000000000000000"


def test_mac_is_computed_as_documented() -> None:
    """Computed independently: HMAC-SHA-256 over the previous mac, a line feed, and the line without mac."""
    previous = BEGINNING
    for entry, line in zip(ENTRIES, LINES, strict=True):
        previous = hmac.new(
            key=KEY, msg=previous.encode() + b"\n" + entry, digestmod=hashlib.sha256
        ).hexdigest()
        assert json.loads(line) == {**json.loads(entry), "mac": previous}


def test_mac_of_a_line() -> None:
    """The mac of a whole line is read with or without its line feed."""
    line, mac = link(b'{"a":1}', BEGINNING, KEY)

    assert mac_of(line) == mac_of(line.rstrip()) == mac


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"\n", b"{}", b'{"mac":""}', b'{"a":1}', b"[]", b"\x00" * 100, b"\xff"),
        LINES[1][:-2],
        LINES[1][1:],
        LINES[1][:-10] + LINES[1][-3:],
        LINES[1].replace(b'"mac"', b'"Mac"'),
        LINES[1].rstrip() + b" ",
        LINES[1].rstrip() + LINES[2],
        LINES[1][:-67] + LINES[1][-67:].upper(),
    ],
)
def test_incomplete_line_has_no_mac(line: bytes) -> None:
    """A torn line, or anything else that is not a line of a trail, has no mac and raises nothing."""
    assert mac_of(line) is None or mac_of(line) != mac_of(LINES[1])


@given(st.binary())
def test_arbitrary_bytes_raise_nothing(line: bytes) -> None:
    """No bytes raise an error, and a mac is only returned if the bytes contain it."""
    mac = mac_of(line)
    assert mac is None or mac.encode() in line


# Tampering


def test_untouched_chain_is_valid() -> None:
    """An untouched chain has no break and ends with the mac of its last line."""
    assert breaks(LINES) == []
    assert breaks([]) == []
    assert last_mac(LINES) == mac_of(LINES[-1])
    assert last_mac([]) == BEGINNING


def edited(lines: list[bytes]) -> list[bytes]:
    return [*lines[:4], lines[4].replace(b'"4"', b'"5"'), *lines[5:]]


def edited_mac(lines: list[bytes]) -> list[bytes]:
    return [
        *lines[:4],
        lines[4].replace(lines[4][-4:-3], b"0" if lines[4][-4:-3] != b"0" else b"1"),
        *lines[5:],
    ]


def re_chained_with_a_guessed_key(lines: list[bytes]) -> list[bytes]:
    forged = chained([b'{"event":"login","subject":"x"}'], bytes(32), mac_of(lines[3]) or "")
    return [*lines[:4], *forged, *lines[5:]]


# Tampering with nine lines, and where it is detected: at the first line that does not follow its predecessor.
TAMPERED: dict[str, tuple[Callable[[list[bytes]], list[bytes]], list[int]]] = {
    "edited": (edited, [5]),
    "edited with its mac": (edited_mac, [5, 6]),
    "first edited": (lambda lines: [lines[0].replace(b"continued", b"Continued"), *lines[1:]], [1]),
    "last edited": (lambda lines: [*lines[:-1], lines[-1].replace(b'"8"', b'"9"')], [9]),
    "member added": (lambda lines: [*lines[:4], lines[4].replace(b"{", b'{"a":1,'), *lines[5:]], [5]),
    "space added": (lambda lines: [*lines[:4], lines[4].replace(b":", b": "), *lines[5:]], [5, 6]),
    "deleted": (lambda lines: [*lines[:4], *lines[5:]], [5]),
    "first deleted": (lambda lines: lines[1:], [1]),
    "three deleted": (lambda lines: [*lines[:3], *lines[6:]], [4]),
    "repeated": (lambda lines: [*lines[:5], *lines[4:]], [6]),
    "old one inserted": (lambda lines: [*lines[:6], lines[2], *lines[6:]], [7, 8]),
    "forged one in its place": (re_chained_with_a_guessed_key, [5, 6]),
    "neighbours swapped": (lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]], [5, 6, 7]),
    "far ones swapped": (
        lambda lines: [lines[0], lines[7], *lines[2:7], lines[1], lines[8]],
        [2, 3, 8, 9],
    ),
    "reversed": (lambda lines: lines[::-1], [1, 2, 3, 4, 5, 6, 7, 8, 9]),
    "blanked": (lambda lines: [*lines[:4], b"\n", *lines[5:]], [6]),
    "cut in the middle": (lambda lines: [*lines[:4], lines[4][:20] + b"\n", *lines[5:]], [6]),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_tampering_is_found_at_its_line(name: str) -> None:
    """Editing, deleting, inserting, swapping or cutting a line breaks the chain exactly there."""
    tamper, expected = TAMPERED[name]

    assert breaks(tamper(LINES)) == expected


@pytest.mark.parametrize("place", range(1, 9))
@pytest.mark.parametrize(
    "inserted",
    [
        b'{"event":"login","outcome":"accepted","subject":"mallory"}\n',
        b"{}\n",
        b"null\n",
        b"7\n",
        b'"text"\n',
    ],
)
def test_line_without_a_mac_is_found(inserted: bytes, place: int) -> None:
    """A whole line without a mac was not torn by a crash but written by another program: it is reported."""
    assert breaks([*LINES[:place], inserted, *LINES[place:]]) == [place + 1]


def test_wrong_key_fails_every_line() -> None:
    """With another key every line is wrong."""
    assert breaks(LINES, bytes(32)) == list(range(1, 10))


def test_chain_continues_across_files() -> None:
    """The lines of a second file follow the last mac of the first file, and are invalid without it."""
    first, second = LINES[:5], LINES[5:]

    assert breaks(second, previous=last_mac(first)) == []
    assert breaks(second, previous=BEGINNING) == [1]
    assert breaks(second, previous=mac_of(LINES[3])) == [1]


def test_oldest_file_names_its_predecessor() -> None:
    """If older files were archived, the first line names the mac that it follows, protected by its own."""
    former = "ab" * 32
    lines = chained([FIRST.replace(BEGINNING.encode(), former.encode()), *ENTRIES[1:]], previous=former)

    assert breaks(lines, previous=None) == []
    assert breaks([lines[0].replace(b"ab", b"cd", 1), *lines[1:]], previous=None) == [1]
    assert breaks(lines[1:], previous=None) == [1]


@pytest.mark.parametrize(
    "entry", [b"{not JSON}", b'{"previous":7}', b'{"previous":null}', b'{"a":\xff}', b"{}"]
)
def test_unreadable_first_line_is_found(entry: bytes) -> None:
    """A first line that was made unreadable is a break like any other, not an error."""
    damaged = entry[:-1] + b',"mac":"' + (mac_of(LINES[0]) or "").encode() + b'"}\n'

    assert breaks([damaged, *LINES[1:]], previous=None) == [1]


# Lines torn by a crash


@pytest.mark.parametrize("torn", [LINES[4][:1], LINES[4][:40], LINES[4][:-2], b"\x00" * 512])
@pytest.mark.parametrize("place", [1, 4, 9])
def test_torn_line_is_no_break(torn: bytes, place: int) -> None:
    """A power cut leaves half a line; nothing is lost while the next line follows the one before."""
    assert breaks([*LINES[:place], torn + b"\n", *LINES[place:]]) == []
    assert last_mac([*LINES, torn]) == mac_of(LINES[-1])


def test_torn_line_hides_no_missing_line() -> None:
    """A line that is missing after half a line is detected as anywhere else."""
    assert breaks([*LINES[:4], LINES[4][:20] + b"\n", *LINES[6:]]) == [6]


@given(st.data())
def test_any_changed_byte_is_found(data: st.DataObject) -> None:
    """A changed byte in any line but the last breaks the chain at that line or the next.

    A power cut can leave a NUL; only the head can show whether one did.
    """
    number = data.draw(st.integers(0, len(LINES) - 2))
    line = bytearray(LINES[number])
    place = data.draw(st.integers(0, len(line) - 2))  # not the line feed, which only shifts the numbers
    line[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte not in (line[place], 0x0A, 0x00)))

    found = breaks([*LINES[:number], bytes(line), *LINES[number + 1 :]])

    assert found
    assert set(found) <= {number + 1, number + 2}


@given(st.permutations(LINES), st.sets(st.integers(0, 8), max_size=3))
def test_any_other_order_is_found(order: list[bytes], missing: set[int]) -> None:
    """Only a beginning of the chain in its order is valid."""
    lines = [line for number, line in enumerate(order) if number not in missing]

    assert (breaks(lines) == []) is (lines == LINES[: len(lines)])


@pytest.mark.slow
@given(st.lists(st.dictionaries(st.text(), st.text() | st.integers() | st.none()), max_size=20))
def test_any_entries_make_a_valid_chain(entries: list[dict[str, object]]) -> None:
    """Any entries, even with a member "mac", make a valid chain in which each mac is unique."""
    texts = [json.dumps({"n": number, **entry}).encode() for number, entry in enumerate(entries)]
    lines = chained(texts)

    assert breaks(lines) == []
    assert all(mac_of(one) != mac_of(other) for one, other in pairwise(lines))
