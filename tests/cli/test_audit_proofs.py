"""`validator audit verify`, `head` and `accept-loss`: what an operator does when the trail was cut."""

import shutil
from pathlib import Path

import orjson
import pytest

from tests.support.command_line import CommandLine
from tests.support.old_homes import VERSIONS, lay_out


@pytest.fixture
def kept(validator: CommandLine) -> CommandLine:
    """Return a home with a few entries in its trail."""
    for number in range(4):
        validator.did("tenants", "add", f"tenant-{number}")
    return validator


def trail_of(validator: CommandLine) -> Path:
    return validator.home / "audit" / "audit.jsonl"


def cut(validator: CommandLine, lines: int) -> None:
    """Cut the last lines off, without the key."""
    file = trail_of(validator)
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:-lines]))


def problems(validator: CommandLine, *words: str) -> list[str]:
    """Return the problems that `verify` prints, whose exit code must say whether there are any."""
    said = validator("audit", "verify", "--json", *words)
    found = orjson.loads(said.out)["problems"]
    assert said.code == bool(found)
    return list(found)


def test_whole_trail_says_where_it_ends(kept: CommandLine) -> None:
    """A whole trail has no problem, and both heads are the last entry's."""
    found = kept("audit", "verify", "--json").json()

    assert (found["problems"], found["notices"], found["accepted"]) == ([], [], [])
    assert set(found["heads"].values()) == {f"entry {found['last']}"}
    assert found["entries"] == found["last"]


def test_cut_shows_at_once_and_for_ever(kept: CommandLine) -> None:
    """Three lines that are cut off show before the next entry by the heads, after it in the chain."""
    cut(kept, 3)

    before = problems(kept)
    kept.did("tenants", "add", "after")
    after = problems(kept)
    kept.did("tenants", "add", "later")

    assert [each.partition(":")[0] for each in before] == [
        "the head beside the keys",
        "the head in the database",
    ]
    assert len(after) == 1
    assert "are missing" in after[0]
    assert problems(kept) == after


def test_wiped_trail_shows(kept: CommandLine) -> None:
    """A trail that was removed shows before and after the next entry."""
    trail_of(kept).unlink()

    assert problems(kept)
    kept.did("tenants", "add", "after")
    assert "up to entry" in problems(kept)[0]


def test_accepted_loss_is_quiet_and_nothing_else_is(kept: CommandLine) -> None:
    """A restored folder is recorded with who, why and what; a later cut shows as any other."""
    cut(kept, 3)
    said = orjson.loads(
        kept.did("audit", "accept-loss", "--reason", "restored Monday's backup", "--json").out
    )
    entry = kept.last()

    found = kept("audit", "verify", "--json").json()
    assert len(said) == len(found["accepted"]) == 1
    assert (entry["event"], entry["detail"]) == ("loss_accepted", "restored Monday's backup")
    assert entry["by"].startswith("operator:")
    assert [(each["from"], each["to"]) for each in entry["lost"]] == [(found["last"] - 4, found["last"] - 2)]

    kept.did("tenants", "add", "later")
    cut(kept, 1)
    kept.did("tenants", "add", "latest")
    assert len(problems(kept)) == 1


def test_edited_line_is_not_accepted_with_a_loss_before_it(kept: CommandLine) -> None:
    """What is changed after a loss was accepted, also at that very place, is a problem."""
    cut(kept, 2)
    kept.did("audit", "accept-loss", "--reason", "a disk")
    assert problems(kept) == []

    content = trail_of(kept).read_bytes()
    trail_of(kept).write_bytes(content.replace(b'"event":"trail_broken"', b'"event":"trail_Broken"'))

    assert problems(kept)


def test_nothing_lost_is_nothing_to_accept(kept: CommandLine) -> None:
    """A whole trail takes no acceptance in advance."""
    said = kept("audit", "accept-loss", "--reason", "who knows")

    assert said.code == 1
    assert "whole" in said.err
    assert kept.last()["event"] == "tenant"


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_saved_head_proves_a_trail_that_was_written_anew(
    kept: CommandLine, tmp_path: Path, form: tuple[str, ...]
) -> None:
    """A head in a ticket, as text or JSON, fits the trail that goes on, and not one without its entries."""
    ticket = tmp_path / "ticket"
    ticket.write_text(kept.did("audit", "head", *form).out)
    kept.did("tenants", "add", "later")
    assert problems(kept, "--head", str(ticket)) == []

    shutil.rmtree(kept.home / "audit")
    for name in ("trail-head", "trail-end"):
        (kept.home / "keys" / name).unlink()
    (kept.home / "validator.db").unlink()
    kept.did("init")

    assert problems(kept) == []  # with everything on the host in hand nothing shows
    assert problems(kept, "--head", str(ticket)) != []


def test_head_names_the_file_and_the_chain(kept: CommandLine) -> None:
    """What goes into a ticket: the name that the file has or will get, the number, the mac, the chain."""
    head = kept("audit", "head", "--json").json()

    assert head["file"] == "audit-000001.jsonl"
    assert head["number"] == kept("audit", "verify", "--json").json()["last"]
    assert head["mac"] == orjson.loads(trail_of(kept).read_bytes().splitlines()[-1])["mac"]
    assert len(head["chain"]) == 32


@pytest.mark.parametrize("content", [b"", b"hello", b"{}", b"\xff\xfe"])
def test_file_without_a_head_is_refused(kept: CommandLine, tmp_path: Path, content: bytes) -> None:
    """Something else than a head is an error in words, and never compared as if it fitted."""
    (tmp_path / "ticket").write_bytes(content)

    said = kept("audit", "verify", "--head", str(tmp_path / "ticket"))

    assert said.code == 1
    assert "validator audit head" in said.err


def test_restored_database_is_a_notice(kept: CommandLine, tmp_path: Path) -> None:
    """A database that came back from a backup has an older head: said, and no alarm."""
    kept.did("db", "backup", str(tmp_path / "copy.db"))
    kept.did("tenants", "add", "later")
    for suffix in ("", "-wal", "-shm"):
        (kept.home / f"validator.db{suffix}").unlink(missing_ok=True)
    shutil.copy(tmp_path / "copy.db", kept.home / "validator.db")

    found = kept("audit", "verify", "--json").json()

    assert found["problems"] == []
    assert any("in the database" in notice for notice in found["notices"])


def test_copied_home_is_whole(kept: CommandLine, tmp_path: Path) -> None:
    """A home that was copied verifies, and both go on by themselves."""
    copy = CommandLine(Path(shutil.copytree(kept.home, tmp_path / "copy")))

    assert problems(copy) == []
    for each in (kept, copy):
        each.did("tenants", "add", "after-the-copy")
        assert problems(each) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_older_home_is_whole_before_and_after_the_upgrade(tmp_path: Path, version: str) -> None:
    """A trail without numbers, with a torn line, verifies before and after; then it has heads."""
    old = CommandLine(lay_out(version, tmp_path / "old").folder)
    assert problems(old) == []

    old.did("db", "upgrade")

    assert problems(old) == []
    cut(old, 1)
    assert len(problems(old)) == 2
