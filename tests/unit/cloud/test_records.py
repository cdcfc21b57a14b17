"""Recordings are fetched once and whole, also after an interruption; no name of the cloud is a path here."""

import hashlib
import io
import os
import stat
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import orjson
import pytest

from tests.support.fakes import FakeClock
from validator.cloud import recordindex
from validator.cloud.fileserver import NoFile, Span
from validator.cloud.recordfolder import INDEX, JOB, JOURNAL, MANIFEST, RECORDINGS, RecordFolder
from validator.cloud.recordindex import Recording, read_index
from validator.cloud.records import Bounds, Fetched, RecordsFetch, state_of
from validator.errors import OperatorError

SPAN = Span(datetime(2026, 11, 1), datetime(2026, 11, 2), "")  # noqa: DTZ001 - the tenant's zone
STAMP = "20261101000000000123"
SOUND = ["/10/1/record/226/a.wav", "/10/1/record/226/b.wav", "/10/1/record/226/c.wav"]
BOUNDS = Bounds(10**9, timedelta(hours=1), timedelta(minutes=5))


def row(source: str, call: str = "1653963570-252") -> str:
    columns = ["dev", "acc", "1", "6002", call, "13606254580", "95588", "b", "e", source, "0", "", "x"]
    return ",".join(columns)


def packed(
    *sources: str, members: dict[str, bytes] | None = None, method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """Return an index with a row for each of *sources*, and other *members*, compressed by *method*."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr(f"{STAMP}_record_0.csv", "\n".join(map(row, sources)) + "\n")
        archive.writestr(f"{STAMP}_call_0.csv", "dev,acc,1\n")
        for name, content in (members or {}).items():
            archive.writestr(name, content)
    return out.getvalue()


@dataclass
class FakeServer:
    """CC-FS with recordings that are made of their names; it may fail, or lack an index for some tries."""

    content: bytes
    early: int = 0
    fails: Callable[[str], None] = lambda _: None
    asked: list[str] = field(default_factory=list)

    def request_index(self, span: Span) -> str:
        """Make an index."""
        self.asked.append(f"make {span.members['beginTime']}")
        return "9239cb50a8384bb0"

    def index(self, response_id: str, date: str) -> bytes:
        """Return the index, after the early tries."""
        if self.early:
            self.early -= 1
            raise NoFile("0300012")
        self.asked.append(f"index {response_id}")
        return self.content

    def recording(self, name: str) -> bytes:
        """Return a recording."""
        self.fails(name)
        self.asked.append(name)
        return b"RIFF" + name.encode()


def fetch(server: FakeServer, folder: Path, span: Span = SPAN, bounds: Bounds = BOUNDS) -> Fetched:
    """Run one fetch, which waits for nothing."""
    return RecordsFetch(
        server,  # type: ignore[arg-type]
        RecordFolder(folder),
        bounds,
        FakeClock(),
        pause=lambda _: None,
        progress=lambda *_: None,
    ).run(span)


def content(folder: Path) -> dict[str, bytes]:
    """Return every file of *folder* but the locks."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".lock"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_span_is_fetched_into_private_files(tmp_path: Path) -> None:
    """Tables, recordings and a manifest with their digests are there, for the owner only; nothing else is."""
    found = fetch(FakeServer(packed(*SOUND), early=4), tmp_path / "out")

    files = content(tmp_path / "out")
    manifest = orjson.loads(files[MANIFEST])
    assert (found.fetched, found.present, found.refused, found.left_out) == (3, 0, 0, 0)
    assert sorted(files) == sorted(
        ["call-001.csv", "record-002.csv", INDEX, MANIFEST]
        + [f"{RECORDINGS}/{entry['file']}" for entry in manifest["recordings"]]
    )
    for entry, source in zip(manifest["recordings"], SOUND, strict=True):
        recording = files[f"{RECORDINGS}/{entry['file']}"]
        assert (entry["source"], recording) == (source, b"RIFF" + source.encode())
        assert (entry["size"], entry["sha256"]) == (len(recording), hashlib.sha256(recording).hexdigest())
        assert entry["file"].startswith("1653963570-252-")
    every = [tmp_path / "out", *(tmp_path / "out").rglob("*")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in every} == {0o600, 0o700}


def test_interrupted_run_goes_on_to_the_same_folder(tmp_path: Path) -> None:
    """A run that fails at each recording in turn, and is run again, ends with the folder of one run."""
    control = tmp_path / "control"
    fetch(FakeServer(packed(*SOUND)), control)
    seen: set[str] = set()

    def once(name: str) -> None:
        if name not in seen:
            seen.add(name)
            raise OperatorError("no whole response")

    server = FakeServer(packed(*SOUND), fails=once)
    for _ in SOUND:
        with pytest.raises(OperatorError):
            fetch(server, tmp_path / "out")
        assert (tmp_path / "out" / JOB).exists()
    last = fetch(server, tmp_path / "out")

    assert content(tmp_path / "out") == content(control)
    assert (last.fetched, last.present) == (1, 2)
    assert server.asked.count("make 2026-11-01 00:00:00") == 1
    assert [server.asked.count(name) for name in SOUND] == [1, 1, 1]


@pytest.mark.parametrize("damage", ["cut", "changed", "gone", "no line", "torn line"])
def test_damaged_file_is_fetched_again(tmp_path: Path, damage: str) -> None:
    """A file that is not as it was written is replaced; the control is a file that is, which stays."""
    folder = tmp_path / "out"

    def at_last(name: str) -> None:
        if name == SOUND[2]:
            raise OperatorError("no whole response")

    with pytest.raises(OperatorError):
        fetch(FakeServer(packed(*SOUND), fails=at_last), folder)
    file, journal = folder / RECORDINGS / Recording("1653963570-252", SOUND[0]).file, folder / JOURNAL
    lines = journal.read_bytes().splitlines(keepends=True)
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:3])
    elif damage == "changed":
        file.write_bytes(file.read_bytes().replace(b"a", b"b"))
    elif damage == "gone":
        file.unlink()
    else:
        journal.write_bytes(lines[1] + (lines[0][:9] if damage == "torn line" else b""))
    server = FakeServer(packed(*SOUND))

    found = fetch(server, folder)

    assert (found.fetched, found.present) == (2, 1)
    assert [name for name in server.asked if name in SOUND] == [SOUND[0], SOUND[2]]
    assert file.read_bytes() == b"RIFF" + SOUND[0].encode()


HOSTILE = [
    "../../escaped.wav",
    "/../../../../tmp/escaped.wav",
    "a/..\\..\\b.wav",
    "a\u202eb.wav",
    "x" * 256,
    " ",
]


def test_hostile_names_stay_names(tmp_path: Path) -> None:
    """Names that lead elsewhere are not even asked for; calls with such names become no path either."""
    (tmp_path / "victim").write_text("before")
    rows = [*HOSTILE, *SOUND, SOUND[0]]
    index = packed(*rows, members={"../victim": b"after", "/etc/x.csv": b"", f"../{STAMP}_call_1.csv": b""})
    server = FakeServer(index)

    found = fetch(server, tmp_path / "out")

    assert (found.fetched, found.refused, found.left_out) == (3, len(HOSTILE), 3)
    joined = [os.path.normpath(f"{tmp_path}/out/{RECORDINGS}/{name}") for name in HOSTILE]
    assert [path for path in joined if not path.startswith(f"{tmp_path}/out/")]  # as names they would escape
    assert [name for name in server.asked if name in HOSTILE] == []
    assert (tmp_path / "victim").read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "victim"]


@pytest.mark.parametrize("call", ["../../x", "a/b", "", "x" * 41, "-" * 40])
def test_call_ids_are_no_paths(call: str) -> None:
    """A file's name is one plain word, whatever the call is named; different sources have different files."""
    one, other = Recording(call, "a.wav"), Recording(call, "b.wav")

    assert "/" not in one.file
    assert one.file != other.file
    assert one.file.endswith(".wav")


def test_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that unpacks to more than the maximum is refused, by what it is and not what it claims."""
    monkeypatch.setattr(recordindex, "MAX_CONTENT", 100_000)
    bomb = packed(members={f"{STAMP}_call_{n}.csv": bytes(60_000) for n in (1, 2)})

    with pytest.raises(OperatorError, match="unpacks to more than"):
        read_index(bomb)
    assert len(read_index(packed(members={f"{STAMP}_call_1.csv": bytes(60_000)})).tables) == 3


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_damaged_index_is_refused_by_one_error(method: int) -> None:
    """Whichever byte is damaged, the index is read or refused in words; the control is the whole one."""
    whole = packed(*SOUND, method=method)
    assert len(read_index(whole).recordings) == len(SOUND)

    outcomes = Counter(outcome(whole, at) for at in range(len(whole)))

    assert outcomes["refused"] > 0
    assert outcomes.keys() <= {"refused", "read"}


def outcome(whole: bytes, at: int) -> str:
    """Return what becomes of *whole* with another byte *at* that place."""
    damaged = whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]
    try:
        read_index(damaged)
    except OperatorError:
        return "refused"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is not the promised one
        return type(error).__name__
    return "read"


@pytest.mark.parametrize("content_", [b"", b"not a zip", packed()[:-30]])
def test_unreadable_index_is_refused(tmp_path: Path, content_: bytes) -> None:
    """What is no ZIP file is not stored: the next run gets the index again."""
    with pytest.raises(OperatorError, match="no readable ZIP file"):
        fetch(FakeServer(content_), tmp_path / "out")

    assert not (tmp_path / "out" / INDEX).exists()
    assert fetch(FakeServer(packed(*SOUND)), tmp_path / "out").fetched == 3


def test_folder_of_others_is_refused(tmp_path: Path) -> None:
    """A folder with other files, open to others, behind a link, or of another time is not used."""
    for name in ("full", "open", "real"):
        (tmp_path / name).mkdir(mode=0o700)
    (tmp_path / "full" / "letter.txt").write_text("mine")
    (tmp_path / "open").chmod(0o755)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "inner").mkdir(mode=0o700)
    (tmp_path / "inner" / RECORDINGS).symlink_to(tmp_path / "real")
    fetch(FakeServer(packed(*SOUND)), tmp_path / "used")
    other = Span(SPAN.begin, SPAN.end, "202400000001")

    for name, words in (("full", "other files"), ("link", "symbolic link"), ("inner", "symbolic link")):
        with pytest.raises(OperatorError, match=words):
            fetch(FakeServer(packed(*SOUND)), tmp_path / name)
    with pytest.raises(PermissionError):
        fetch(FakeServer(packed(*SOUND)), tmp_path / "open")
    with pytest.raises(OperatorError, match="of another time"):
        fetch(FakeServer(packed(*SOUND)), tmp_path / "used", other)
    assert list((tmp_path / "real").iterdir()) == []


def test_second_run_at_once_is_refused(tmp_path: Path) -> None:
    """Two runs never write into one folder."""

    def again(name: str) -> None:
        if name == SOUND[0]:
            with pytest.raises(OperatorError, match="fetches into it"):
                fetch(FakeServer(packed(*SOUND)), tmp_path / "out")

    assert fetch(FakeServer(packed(*SOUND), fails=again), tmp_path / "out").fetched == 3


def test_bounds_end_a_run_and_the_next_goes_on(tmp_path: Path) -> None:
    """After the maximum of bytes, or of time, a run stops with what it has."""
    with pytest.raises(OperatorError, match="its maximum"):
        fetch(FakeServer(packed(*SOUND)), tmp_path / "out", bounds=Bounds(1, BOUNDS.time, BOUNDS.wait))
    with pytest.raises(OperatorError, match="the time of this run is over"):
        fetch(FakeServer(packed(*SOUND)), tmp_path / "out", bounds=Bounds(10**9, timedelta(), BOUNDS.wait))
    assert fetch(FakeServer(packed(*SOUND)), tmp_path / "out").present == 1


def test_index_that_never_comes_ends_the_wait(tmp_path: Path) -> None:
    """The wait has an end, and the id is stored: the next run asks for the same index."""
    server = FakeServer(packed(*SOUND), early=10**6)
    with pytest.raises(OperatorError, match="0300012"):
        fetch(server, tmp_path / "out", bounds=Bounds(1, BOUNDS.time, timedelta()))
    server.early = 0

    assert fetch(server, tmp_path / "out").fetched == 3
    assert server.asked.count("make 2026-11-01 00:00:00") == 1


def test_state_changes_nothing(tmp_path: Path) -> None:
    """What is there is read without making a folder."""
    assert dict(state_of(RecordFolder(tmp_path / "out")))["folder"] == "new"
    assert not (tmp_path / "out").exists()
    fetch(FakeServer(packed(*SOUND)), tmp_path / "out")
    before = content(tmp_path / "out")

    assert dict(state_of(RecordFolder(tmp_path / "out")))["recordings"] == "3 of 3"
    assert content(tmp_path / "out") == before
