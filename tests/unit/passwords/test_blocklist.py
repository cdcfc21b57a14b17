"""The block-list: what it blocks and what it does not, and that the shipped file matches its page."""

import random
import re
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from validator.errors import OperatorError
from validator.passwords.blocklist import SHIPPED, Blocklist, import_list, load, packed
from validator.passwords.build_blocklist import PACKAGES, PHRASES, Material, build, main
from validator.passwords.variations import forms, is_pattern, root

PAGE = Path(__file__).parents[3] / "docs" / "passwords.md"
MIN_LENGTH, MAX_LENGTH = 15, 128
SUFFIXES = ("123", "1234", "12345678", "!", "!@#", "1990", "2024", "520", "@2023")
OWN = "Zugspitze-Ost 4711"


@pytest.fixture(scope="module")
def shipped() -> Blocklist:
    """Return the shipped list."""
    return Blocklist.from_shipped()


def short_ones() -> list[str]:
    """Return the thousand most frequent passwords of a source that is not part of the list."""
    return [password for password in FREQUENCY_LISTS["passwords"] if len(password) < MIN_LENGTH][:1000]


def lengthened(password: str, addition: str) -> str:
    """Return *password* with *addition* appended until it has the policy's length."""
    missing = MIN_LENGTH - len(password)
    return password + addition * -(-missing // len(addition))


# Blocked


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_short_password_with_suffixes_is_blocked(shipped: Blocklist, suffix: str) -> None:
    """None of the thousand commonest passwords passes with a usual suffix, however often repeated."""
    assert [one for one in short_ones() if not shipped.is_blocked(lengthened(one, suffix))] == []


def test_repeated_short_password_is_blocked(shipped: Blocklist) -> None:
    """None of the thousand commonest passwords passes when repeated."""
    assert [one for one in short_ones() if not shipped.is_blocked(lengthened(one, one))] == []


def test_short_password_around_a_number_is_blocked(shipped: Blocklist) -> None:
    """None of the thousand commonest passwords passes with a year between two copies."""
    around = {one: lengthened(f"{one}2024{one}", one) for one in short_ones()}

    assert [one for one, password in around.items() if not shipped.is_blocked(password)] == []


@pytest.mark.parametrize(
    "password",
    [
        # breached as they are
        "iloveyouforever",
        "allyouneedislove",
        "StairwayToHeaven",
        "manchesterunited",
        "correcthorsebatterystaple",
        "correct horse battery staple",
        # walks, runs and repetitions
        "qwertyuiopasdfgh",
        "poiuytrewqlkjhg",
        "1qaz2wsx3edc4rfv",
        "1QAZ@wsx3EDC$rfv",
        "zaq12wsxcde34rfv",
        "1q2w3e4r5t6y7u8i",
        "qwerasdfzxcv1234",
        "abcdefghijklmnop",
        "zyxwvutsrqponmlk",
        "123456789012345",
        "112233445566778899",
        "xyzxyzxyzxyzxyzxy",
        "aaaaaaaaaaaaaaaaaaaa",
        "1986101019861010",
        # variations
        "passworddrowssap",
        "ppaasssswwoorrdd",
        "P@ssw0rd2024!!!!",
        "Admin@123456789",
        "password\u3000password",
        "--==<< dragon >>==--",
        "passwordsunshine",
    ],
)
def test_common_password_is_blocked(shipped: Blocklist, password: str) -> None:
    """The usual choices for 15 characters are blocked."""
    assert len(password) >= MIN_LENGTH
    assert shipped.is_blocked(password)


@pytest.mark.parametrize(
    "password",
    [
        "woaini1314520520",
        "woaini5201314woaini",
        "Wo Ai Ni 5201314!",
        "5201314520131452",
        "woaizhongguoren",
        "woaizhongguo1949",
        "zhangwei13800138000",
        "wangxiaoming1990",
        "wodemima12345678",
        "weirenminfuwu1949",
        "zhonghuarenmingongheguo",
        "chuangqianmingyueguang",
        "haohaoxuexitiantianxiangshang",
        "quanguorenmindaibiaodahui",
        "tianchangdijiu2024",
        "yishengyishiaini",
    ],
)
def test_pinyin_is_blocked(shipped: Blocklist, password: str) -> None:
    """Names, set phrases, verses and lucky numbers are as common in pinyin as passwords in English."""
    assert len(password) >= MIN_LENGTH
    assert shipped.is_blocked(password)


def test_added_phrases_are_blocked(shipped: Blocklist) -> None:
    """The phrases that this project adds to its sources are in the list."""
    phrases = PHRASES.read_text("utf-8").split()

    assert phrases
    assert [phrase for phrase in phrases if not shipped.is_blocked(phrase)] == []


def test_spelling_of_accents_does_not_matter(tmp_path: Path) -> None:
    """A password is looked up composed and case-folded, however it was typed."""
    own = Blocklist(load(imported(tmp_path, "Caf\u00e9 Ma\u00dfkrug".encode())))

    assert own.is_blocked("CAFE\u0301 MASSKRUG 2024")


# Not blocked


@pytest.mark.slow
def test_random_passphrases_pass(shipped: Blocklist) -> None:
    """None of 1,000 passphrases of four unrelated words, however joined, is blocked."""
    words = [word for word in FREQUENCY_LISTS["english_wikipedia"][1000:20_000] if len(word) >= 4]
    dice = random.Random("the same in every run")
    phrases = [dice.choice(" -._7").join(dice.sample(words, 4)) for _ in range(1000)]

    assert [phrase for phrase in phrases if shipped.is_blocked(phrase)] == []


def test_random_characters_pass(shipped: Blocklist) -> None:
    """None of 1,000 passwords of random letters and digits is blocked."""
    dice = random.Random("the same in every run")
    alphabet = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    passwords = ["".join(dice.choices(alphabet, k=MIN_LENGTH)) for _ in range(1000)]

    assert [password for password in passwords if shipped.is_blocked(password)] == []


@pytest.mark.parametrize(
    "password",
    [
        "Seven quiet rivers of jade",
        "passwordless herons",
        "tq7Vz!m2Kp9xWr4",
        "7302 8851 4429 0916 5537",
        "Grüne Wolken über 7 Dächern",
        "七条安静的翡翠河流又深又长不见底哦",
        "тихие реки семь нефритов",
    ],
)
def test_good_password_passes(shipped: Blocklist, password: str) -> None:
    """Unrelated words and random characters pass in any alphabet, even with a common word among them."""
    assert not shipped.is_blocked(password)


def test_without_a_list_only_rules_block() -> None:
    """Without a list only the rules block."""
    nothing = Blocklist()

    assert not nothing.is_blocked("manchesterunited")
    assert not nothing.is_blocked("superman123superman")
    assert nothing.is_blocked("1qaz2wsx3edc4rfv")


# Any text


@given(st.text(st.characters(), max_size=MAX_LENGTH + 20))
@example("\ud800" * 20)
@example("\x00")
@example("")
def test_any_text_has_a_result(shipped: Blocklist, text: str) -> None:
    """For any text the result is true or false."""
    assert shipped.is_blocked(text) in (True, False)


@pytest.mark.parametrize(
    "password",
    [
        "a" * 127 + "b",
        "1a" * 64,
        "zhuang" * 21,
        "zhang" * 9 + "x",
        "!a" * 64,
        "5201314" * 18,
        "щ" * 127 + "x",
        "e\u0301" * 64,
    ],
)
def test_no_password_is_slow(shipped: Blocklist, password: str) -> None:
    """A password designed to be slow costs a few milliseconds (with a generous bound here)."""
    shipped.is_blocked(password)
    start = time.perf_counter()

    shipped.is_blocked(password)

    assert time.perf_counter() - start < 0.25


@given(st.text(min_size=1, max_size=MAX_LENGTH))
def test_root_is_a_form_of_its_entry(entry: str) -> None:
    """The root of an entry is among the forms that are looked up, and so blocks it."""
    assert root(entry) in forms(entry)
    assert len(forms(entry)) < 300


def test_rules_match_whole_texts() -> None:
    """A walk or a date within a longer text does not make the text a pattern."""
    assert is_pattern("qwertyuiop")
    assert not is_pattern("qwertyuiop herons")
    assert not is_pattern("2024 herons")


# Imported lists


def imported(folder: Path, content: bytes) -> Path:
    """Return the list made from the plain text *content*."""
    (folder / "own.txt").write_bytes(content)
    import_list(folder / "own.txt", folder / "own.bin")
    return folder / "own.bin"


def test_imported_list_is_looked_up_too(tmp_path: Path) -> None:
    """Imported passwords and their variations are blocked, and so are the shipped ones."""
    both = Blocklist.from_shipped(imported(tmp_path, OWN.encode()))

    assert both.is_blocked(OWN)
    assert both.is_blocked("ZUGSPITZE-OST 4711 !!")
    assert both.is_blocked("zugspitze-ost zugspitze-ost")
    assert both.is_blocked("passwordpassword")
    assert not Blocklist.from_shipped().is_blocked(OWN)


def test_several_lists_are_looked_up(tmp_path: Path) -> None:
    """More than one list can be added."""
    paths = [tmp_path / name for name in ("first", "second")]
    for path, word in zip(paths, ("zugspitzenbahn", "watzmannostwand"), strict=True):
        (tmp_path / "own.txt").write_text(word)
        import_list(tmp_path / "own.txt", path)

    several = Blocklist.from_shipped(*paths)

    assert several.is_blocked("Zugspitzenbahn1")
    assert several.is_blocked("Watzmannostwand")


def test_import_counts_distinct_entries(tmp_path: Path) -> None:
    """Empty lines, line ends and a byte-order mark do not change the number of entries."""
    (tmp_path / "own.txt").write_bytes(b"\xef\xbb\xbfZugspitze\r\n\r\nzugspitze\n   \nWatzmann 7\n")

    assert import_list(tmp_path / "own.txt", tmp_path / "own.bin") == 2


def test_imported_list_is_private_and_contains_no_password(tmp_path: Path) -> None:
    """Only the owner can read the list, and it contains no password."""
    path = imported(tmp_path, b"zugspitzenbahn\n")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"zugspitze" not in path.read_bytes()


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=MAX_LENGTH), min_size=1))
def test_everything_imported_is_blocked(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    """Every imported password that is long enough for a look-up is blocked."""
    folder = tmp_path_factory.mktemp("import")
    text = "\n".join(["zugspitze", *lines])

    own = Blocklist(load(imported(folder, text.encode())))

    assert [one for one in text.split("\n") if len(root(one)) >= 4 and not own.is_blocked(one)] == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no password"),
        (b" \n\r\n\n", "no password"),
        (b"zugspitze\n\xff\xfe\n", "not UTF-8, from byte 10"),
        (b"zugspitze\nwatz\x00mann\n", "line 2 .* control character"),
        (b"zugspitze\twatzmann\n", "line 1 .* control character"),
        (b"zugspitze\n\n" + b"z" * 129, "line 3 .* more than 128 characters"),
        (b"5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:9545824\n", "hashes"),
    ],
)
def test_invalid_file_is_not_imported(tmp_path: Path, content: bytes, reason: str) -> None:
    """A file without passwords is refused, with a reason that quotes none; nothing is written."""
    (tmp_path / "own.txt").write_bytes(content)

    with pytest.raises(OperatorError, match=reason) as refusal:
        import_list(tmp_path / "own.txt", tmp_path / "own.bin")

    assert not re.search("zugspitze|watz|zzzz|5BAA", str(refusal.value))
    assert not (tmp_path / "own.bin").exists()


def test_missing_files_are_errors(tmp_path: Path) -> None:
    """A missing source and a missing folder are errors with a message."""
    (tmp_path / "own.txt").write_text(OWN)

    with pytest.raises(OperatorError, match="cannot read"):
        import_list(tmp_path / "none.txt", tmp_path / "own.bin")
    with pytest.raises(OperatorError, match="cannot write"):
        import_list(tmp_path / "own.txt", tmp_path / "none" / "own.bin")
    with pytest.raises(OperatorError, match="cannot read"):
        Blocklist.from_shipped(tmp_path / "none.bin")


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"zugspitze\n",
        lambda content: content[:-1],
        lambda content: content + b"12345",
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: content.replace(b'"others": 2', b'"others": 1'),
        lambda content: content.replace(b'"common"', b'"kommon"'),
        lambda content: content.replace(b'"common": 0', b'"common": "0"'),
        lambda content: content.replace(b"{", b"["),
    ],
    ids=["empty", "text", "cut", "longer", "flipped", "count", "missing", "type", "no-json"],
)
def test_damaged_list_is_not_used(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    """A damaged list is refused when it is loaded: it would let pass what it should block."""
    path = imported(tmp_path, b"zugspitze\nwatzmann\n")
    assert load(path).about["others"] == 2
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(OperatorError, match="not a block-list or is damaged"):
        Blocklist.from_shipped(path)


# Build


def test_build_is_deterministic() -> None:
    """The same material yields the same bytes, in any order of entries."""
    both = [packed(*build(tiny()), {"licence": "MIT"}) for _ in range(2)]

    assert both[0] == both[1]
    assert packed(["b", "a"], ["d", "c", "c", "a"], {}) == packed(["a", "b"], ["c", "d"], {})


def test_build_takes_what_the_policy_needs() -> None:
    """Rankings, long breached passwords, pinyin and added phrases are entries unless a rule blocks them."""
    common, others = build(tiny())

    assert {"zugspitze", "zugspitze1", "zhongguo", "woai"} <= set(common)
    assert {"breachedasitis", "renminrenmingongheguo"} <= set(others)
    assert not {"qwertyuiopasdfgh", "abc", "short"} & {*common, *others}
    assert not set(common) & set(others)


def tiny() -> Material:
    """Return a source with a few entries."""
    return Material(
        rankings=[["Zugspitze1", "abc"], ["zugspitze", "Watzmann"]],
        unranked=["qwertyuiopasdfgh", "breached-as-it-is", "short"],
        phrases=["woai"],
        words=["中国"],
        readings={"中": "zhong", "国": "guo", "人民人民共和国": "renminrenmingongheguo"},
    )


def test_unknown_package_is_refused(tmp_path: Path) -> None:
    """Only known packages with their known content are sources."""
    stranger, forged = tmp_path / "list-1.0.tgz", tmp_path / next(iter(PACKAGES))
    for path in (stranger, forged):
        path.write_bytes(b"passwords")

    for path, reason in ((stranger, "not one of"), (forged, "is not the")):
        with pytest.raises(OperatorError, match=reason):
            main([str(tmp_path / "out.bin"), str(path)])
    with pytest.raises(OperatorError, match="OUT SOURCE"):
        main([])


# The shipped file


def rows() -> list[list[str]]:
    """Return the cells of the tables on the page about the block-list."""
    lines = PAGE.read_text("utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


def test_page_names_every_source() -> None:
    """The page has the packages, versions and licences of the file's header and of the script."""
    named = {tuple(source[key] for key in ("package", "version", "licence")) for source in about()["sources"]}

    assert named
    assert {tuple(row[:3]) for row in rows() if len(row) == 4} - {
        ("package", "version", "licence"),
        ("---", "---", "---"),
    } == named
    assert {(package.name, package.version, package.licence) for package in PACKAGES.values()} == named


def test_page_has_the_numbers_and_the_licence() -> None:
    """The page has the file's number of entries, size and licence."""
    page = PAGE.read_text("utf-8")

    assert f"{about()['common']:,} common, {about()['others']:,} others" in page
    assert f"{SHIPPED.stat().st_size:,} bytes" in page
    assert f"`{about()['licence']}`" in page


def test_shipped_list_is_small() -> None:
    """The list takes at most a megabyte, on disk and in memory."""
    assert SHIPPED.stat().st_size <= 1_000_000


def about() -> dict[str, Any]:
    """Return the header of the shipped file."""
    return dict(load(SHIPPED).about)
