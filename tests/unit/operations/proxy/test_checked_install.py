"""nginx's files in their folder: whole, and with a look by nginx before, or not at all."""

from pathlib import Path

import pytest

from tests.conftest import require_package
from tests.support import nginx_process
from validator.errors import OperatorError
from validator.operations.proxy import nginx
from validator.operations.proxy.checked_install import place_checked

GOOD = "events {}\npid nginx.pid;\nerror_log logs/error.log;\n"


@pytest.fixture(autouse=True)
def _nginx() -> None:
    require_package(nginx_process.DEBIAN_PACKAGE, found=nginx_process.program() is not None)


def files(main: str = GOOD) -> dict[str, str]:
    """Return the files of a configuration whose first one is *main*."""
    return dict(zip(nginx.FILES, (main, "# included by nobody\n"), strict=True))


def state(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return everything below *folder*: which file it is, and what is in it."""
    return {
        str(path.relative_to(folder)): (path.stat().st_ino, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
    }


def test_good_files_are_placed(tmp_path: Path) -> None:
    """What nginx would start with is in the folder afterwards, and nothing is left beside it."""
    place_checked(files(), tmp_path / "a" / "door")

    assert [path.name for path in (tmp_path / "a").iterdir()] == ["door"]
    assert {path.name for path in (tmp_path / "a" / "door").iterdir()} == {*nginx.FILES, *nginx.FOLDERS}
    assert (tmp_path / "a" / "door" / nginx.FILES[0]).read_text() == GOOD


def test_refused_files_change_nothing(tmp_path: Path) -> None:
    """What nginx refuses never reaches the folder that a running nginx has; what it said names the file."""
    place_checked(files(), tmp_path / "door")
    before = state(tmp_path)

    with pytest.raises(OperatorError, match=r'unknown directive "nonsense" in nginx\.conf:4'):
        place_checked(files(f"{GOOD}nonsense on;\n"), tmp_path / "door")

    assert state(tmp_path) == before


def test_reader_keeps_what_it_opened(tmp_path: Path) -> None:
    """A file is replaced, not overwritten: who reads it meanwhile has the old one to its end."""
    nginx.write(files(), tmp_path)

    with (tmp_path / nginx.FILES[0]).open() as reader:
        nginx.write(files("new\n"), tmp_path)
        read = reader.read()

    assert read == GOOD
    assert (tmp_path / nginx.FILES[0]).read_text() == "new\n"
    assert {path.name for path in tmp_path.iterdir()} == {*nginx.FILES, *nginx.FOLDERS}
