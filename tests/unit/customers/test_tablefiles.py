"""The files of a table: split, private, named as the cloud allows, all of them or none."""

import hashlib
from pathlib import Path

import pytest

from validator.customers.tablefiles import MAX_FILE, TableFiles
from validator.errors import OperatorError

HEADER = b"number,name\r\n"


def table(folder: Path, name: str = "客户_1", max_file: int = MAX_FILE) -> TableFiles:
    return TableFiles(folder, name, HEADER, max_file=max_file)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_one_file_has_the_name_alone(tmp_path: Path) -> None:
    """A small table is one file, for its owner only, in a folder for its owner only."""
    files = table(tmp_path / "out")
    files.add(b"1,a\r\n")
    files.complete()

    (path,) = files.publish()

    assert path == tmp_path / "out" / "客户_1.csv"
    assert path.read_bytes() == HEADER + b"1,a\r\n"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    files.discard()
    assert names_in(tmp_path / "out") == ["客户_1.csv"]


def test_large_table_is_split(tmp_path: Path) -> None:
    """No file is larger than the maximum, each has the header, and no row is lost, repeated or cut."""
    rows = [b"%d,%s\r\n" % (number, b"x" * (number % 7)) for number in range(50)]
    files = table(tmp_path, max_file=60)
    for row in rows:
        files.add(row)
    files.complete()
    digest, count = files.digest, files.count

    contents = [path.read_bytes() for path in files.publish()]

    assert names_in(tmp_path) == [f"客户_1_{number:03}.csv" for number in range(1, count + 1)]
    assert max(map(len, contents)) <= 60
    assert all(content.startswith(HEADER) for content in contents)
    assert b"".join(content.removeprefix(HEADER) for content in contents) == b"".join(rows)
    assert hashlib.sha256(b"".join(contents)).hexdigest() == digest


def test_file_is_filled_to_the_maximum(tmp_path: Path) -> None:
    """A file of exactly the maximum is one file; one byte more makes two."""
    for name, surplus, count in (("a", 0, 1), ("b", 1, 2)):
        files = table(tmp_path, name, max_file=len(HEADER) + 10)
        files.add(b"x" * 5)
        files.add(b"x" * (5 + surplus))
        assert files.count == count
        files.discard()


def test_the_clouds_maximum_is_the_smaller_reading() -> None:
    """The cloud's "20 M" may be 20,000,000 bytes."""
    assert MAX_FILE == 20_000_000


def test_nothing_is_left_of_an_incomplete_table(tmp_path: Path) -> None:
    """Until every file is complete there is none with the name, and a table given up leaves nothing."""
    files = table(tmp_path, max_file=20)
    for _ in range(5):
        files.add(b"1,a\r\n")

    assert [name for name in names_in(tmp_path) if not name.startswith(".")] == []
    assert len(names_in(tmp_path)) == 5
    files.discard()
    assert names_in(tmp_path) == []


def test_failed_publication_leaves_nothing(tmp_path: Path) -> None:
    """When a file cannot get its name, those that have theirs already are removed, too."""
    files = table(tmp_path, max_file=20)
    for _ in range(3):
        files.add(b"1,a\r\n")
    files.complete()
    (tmp_path / "客户_1_003.csv").mkdir()

    with pytest.raises(OperatorError, match="cannot be written"):
        files.publish()
    files.discard()

    assert names_in(tmp_path) == ["客户_1_003.csv"]


@pytest.mark.parametrize(
    "name", ["", "a-b", "a b", "a.csv", "../a", "a/b", "客户（1）", "ｎａｍｅ", "é", "x" * 65, "a\n"]
)
def test_name_that_the_cloud_refuses_is_refused(tmp_path: Path, name: str) -> None:
    """Only Chinese and English letters, digits and underscores are names, and nothing is made for others."""
    with pytest.raises(OperatorError, match="use --name"):
        table(tmp_path / "out", name)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("present", "is_refused"),
    [("a.csv", True), ("a_007.csv", True), (".a.x1_y2", True), ("b.csv", False), (".b.x1_y2", False)],
)
def test_former_table_is_not_mixed_in(tmp_path: Path, present: str, is_refused: bool) -> None:
    """A table of the same name in the folder would be uploaded with this one: it must go first."""
    (tmp_path / present).write_bytes(b"former")

    if is_refused:
        with pytest.raises(OperatorError, match="upload and delete them first"):
            table(tmp_path, "a")
    else:
        table(tmp_path, "a").discard()
    assert (tmp_path / present).read_bytes() == b"former"


def test_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """A folder below a missing one, or in place of a file, is an operator's mistake in words."""
    (tmp_path / "file").write_bytes(b"")

    for folder in (tmp_path / "file", tmp_path / "missing" / "out"):
        with pytest.raises(OperatorError, match="cannot be written"):
            table(folder, "a")
