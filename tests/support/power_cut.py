"""A power cut at any moment: what the trail and its heads are then, and whether `audit verify` is right.

Two writers append to the trail of a home, rotate its files and advance its head, and strace records what
they write, rename and sync. A disk of pages is replayed from that up to a random call: what was synced is
there; of the rest each page may be missing, a file may be shorter, and the last names may be the former ones.
On such a disk `verify` must find nothing before and after a restart (else: a false alarm), and must find it
when the end of the trail is then cut below a head that survived (else: a missed cut).

`python -m tests.support.power_cut [CUTS]` makes 200 cuts, then as many with a disk that ignores syncs of the
trail, which must raise false alarms; `test_powercut` has a short version.
"""

import argparse
import ast
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.command_line import CommandLine
from tests.support.fakes import FakeClock, open_with
from validator.audit.assessment import Assessment, assess
from validator.audit.chain import parse
from validator.audit.events import Event, EventName, Outcome
from validator.audit.folder import files
from validator.audit.head import Head
from validator.services import Services

CUTS = 200
ENTRIES = 160
PAGE = 4096
CALLS = "openat,write,pwrite64,fsync,fdatasync,ftruncate,rename,unlink"
_CALL = re.compile(r"(\w+)\((.*)\)\s*= (-?\d+)", re.DOTALL)
_TEXT = r'"((?:[^"\\]|\\.)*)"(?:\.\.\.)?'
_OF_FILE = re.compile(rf"\d+<([^>]*)>(?:, {_TEXT})?(?:, (\d+))?(?:, (\d+))?")
_PATHS = re.compile(_TEXT)
_SETTINGS = {"audit.max_file": "4096"}


@dataclass
class File:
    """A file: what is written, what of it is on the disk, and which pages and lengths came since."""

    content: bytearray = field(default_factory=bytearray)
    synced: bytes = b""

    def after_a_cut(self, chance: random.Random) -> bytes:
        """Return what may be there: any length since the last sync, and any of the pages written since."""
        longest, shortest = len(self.content), len(self.synced)
        length = chance.randint(min(longest, shortest), max(longest, shortest))
        kept = bytearray(self.synced[:length].ljust(length, b"\x00"))
        for start in range(0, length, PAGE):
            page = slice(start, min(start + PAGE, length))
            if kept[page] != self.content[page] and chance.random() < 0.5:
                kept[page] = self.content[page].ljust(page.stop - start, b"\x00")
        return bytes(kept)


class Disk:
    """The files of a home as the calls of a process change them."""

    def __init__(self, home: Path, unsynced: str = "") -> None:
        """Begin with *home* as it is, all of it on the disk; syncs of the file *unsynced* are ignored."""
        self._home, self._unsynced = home, unsynced
        self.names = {path: _file_of(path) for path in home.rglob("*") if path.is_file()}
        self._synced = dict(self.names)
        self._changes: list[dict[Path, File]] = []

    def apply(self, name: str, words: str, result: int) -> None:
        """Do what a call of this *name* did."""
        if result < 0:
            return
        if name == "openat":
            self._open(words)
        elif name in ("rename", "unlink"):
            paths = [Path(_text(found).decode()) for found in _PATHS.findall(words)]
            if paths[0] in self.names:
                file = self.names.pop(paths[0])
                if name == "rename":
                    self.names[paths[1]] = file
                self._changes.append(dict(self.names))
        else:
            self._write(name, _OF_FILE.match(words))

    def after_a_cut(self, home: Path, chance: random.Random) -> None:
        """Lay out in the folder *home* what may be there after a power cut now."""
        states = [self._synced, *self._changes]
        for path, file in states[chance.randrange(len(states))].items():
            if not path.name.endswith(("-shm", ".lock")):
                copy = home / path.relative_to(self._home)
                copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                copy.write_bytes(file.after_a_cut(chance))
                copy.chmod(0o600)

    def _open(self, words: str) -> None:
        path = Path(_text(_PATHS.findall(words)[0]).decode())
        if not path.is_relative_to(self._home) or "O_DIRECTORY" in words:
            return
        if path not in self.names and "O_CREAT" in words:
            self.names[path] = File()
            self._changes.append(dict(self.names))
        elif "O_TRUNC" in words:
            self.names[path].content.clear()

    def _write(self, name: str, form: "re.Match[str] | None") -> None:
        path = Path(form[1]) if form else self._home
        if name in ("fsync", "fdatasync") and path.is_dir():
            # A journal keeps the order of all changes of names.
            self._synced, self._changes = dict(self.names), []
        if form is None or path not in self.names:
            return
        file = self.names[path]
        if name in ("fsync", "fdatasync"):
            if path.name != self._unsynced:
                file.synced = bytes(file.content)
        elif name == "ftruncate":
            length = int(form[0].rpartition(", ")[2])
            file.content[:] = file.content[:length].ljust(length, b"\x00")
        else:
            data = _text(form[2])
            at = int(form[4]) if name == "pwrite64" else len(file.content)
            file.content.extend(bytes(max(0, at + len(data) - len(file.content))))
            file.content[at : at + len(data)] = data


@dataclass
class Count:
    """What was counted."""

    cuts: int = 0
    false_alarms: list[str] = field(default_factory=list)
    missed: int = 0
    lost: int = 0  # disks on which a head survived, and so a cut was tried


def _file_of(path: Path) -> File:
    content = path.read_bytes()
    return File(bytearray(content), content)


def _text(escaped: str) -> bytes:
    return bytes(ast.literal_eval(f'b"{escaped}"'))


def write(home: Path) -> None:
    """Append entries by two writers, which advance the head in turns; the body of the traced process."""
    clock = FakeClock()
    one, other = open_with(home, clock, _SETTINGS), open_with(home, clock, _SETTINGS)
    for number in range(ENTRIES):
        name = EventName.REVOKED if number % 11 == 0 else EventName.LOGIN
        writer = other if number % 3 else one
        writer.trail.append(Event(name, Outcome.ACCEPTED, subject=str(number), detail="x" * (number % 40)))
        if number % 17 == 0:
            one.trail.close()
        if number % 29 == 0:
            other.trail.close()
        clock.advance(minutes=20)
    one.close()
    other.close()


def traced(home: Path, log: Path) -> list[tuple[str, str, int]]:
    """Return the calls that `write` makes in *home*, in the order of their ends."""
    strace = ["strace", "-f", "-y", "-xx", "-s", "70000", "-e", f"trace={CALLS}", "-o", str(log)]
    command = [sys.executable, "-m", "tests.support.power_cut", "--write", str(home)]
    subprocess.run([*strace, *command], check=True, cwd=Path(__file__).parents[2])
    calls: list[tuple[str, str, int]] = []
    begun: dict[str, str] = {}
    for line in log.read_text("latin-1").splitlines():
        thread, _, call = line.partition(" ")
        call = call.strip()
        if call.endswith(" <unfinished ...>"):
            begun[thread] = call.removesuffix(" <unfinished ...>")
        elif call.startswith("<... "):
            call = begun.pop(thread, "") + call.partition(" resumed>")[2]
        form = _CALL.match(call)
        if form:
            calls.append((form[1], _readable(form[2]), int(form[3])))
    return calls


def _plain(words: str) -> str:
    return _text(words.replace('"', " ")).decode("latin-1")


def _readable(words: str) -> str:
    """Return *words* with the paths of descriptors, which strace escapes too, as they are."""
    return re.sub(r"<((?:\\x[0-9a-f]{2})+)>", lambda form: f"<{_text(form[1]).decode()}>", words)


def cut_often(folder: Path, cuts: int, seed: int, unsynced: str = "") -> Count:
    """Return what was found on the disks after *cuts* power cuts."""
    home, chance, count = folder / "home", random.Random(seed), Count()
    CommandLine(home).did("init")
    base = Path(shutil.copytree(home, folder / "base"))
    calls = traced(home, folder / "calls")
    shutil.rmtree(home)
    base.rename(home)
    begun = next(at for at, (_, words, _) in enumerate(calls) if str(home / "audit") in _plain(words))
    for at in sorted(chance.choices(range(begun, len(calls)), k=cuts)):
        disk = Disk(home, unsynced)
        for call in calls[:at]:
            disk.apply(*call)
        place = folder / f"cut-{count.cuts}"
        disk.after_a_cut(place, chance)
        _judge(place, chance, count)
        shutil.rmtree(place)
    return count


def _judge(home: Path, chance: random.Random, count: Count) -> None:
    """Count the findings of `verify` for *home* as it is, after a restart, and after its end was cut off."""
    count.cuts += 1
    copy = Path(shutil.copytree(home, home.with_name("restarted")))
    for place, is_restarted in ((home, False), (copy, True)):
        found = _verified(place, is_restarted=is_restarted)
        count.false_alarms += [f"cut {count.cuts}: {each}" for each in found.problems[:1]]
    shutil.rmtree(copy)
    if _cut_below_a_head(home, chance):
        count.lost += 1
        before = _verified(home, is_restarted=False).problems
        after = _verified(home, is_restarted=True).problems
        count.missed += not before or not after


def _verified(home: Path, *, is_restarted: bool) -> Assessment:
    with _services(home) as services:
        if is_restarted:
            services.trail.append(Event(EventName.LOGIN, Outcome.ACCEPTED, subject="restarted"))
        trail = services.trail
        return assess(services.settings.audit.directory, trail.key(), trail.known_heads())


@contextmanager
def _services(home: Path) -> Iterator[Services]:
    services = open_with(home, FakeClock(), _SETTINGS)
    try:
        yield services
    finally:
        services.close()


def _cut_below_a_head(home: Path, chance: random.Random) -> bool:
    """Cut the end of the trail off so that an entry is gone that a head knows; return whether one did."""
    with _services(home) as services:
        heads = services.trail.known_heads().heads.values()
    known = max((head.number for head in heads if isinstance(head, Head)), default=0)
    lines = list(_numbered(home / "audit"))
    gone = [at for at, (_, _, number) in enumerate(lines) if number is not None and number <= known]
    if len(gone) < 2:
        return False
    path, offset, _ = lines[chance.choice(gone[1:])]
    for later in files(home / "audit")[::-1]:
        if later == path:
            break
        later.unlink()
    with path.open("r+b") as file:
        file.truncate(offset)
    return True


def _numbered(folder: Path) -> Iterator[tuple[Path, int, int | None]]:
    """Yield each line's file, its offset, and its number."""
    for path in files(folder):
        offset = 0
        for line in path.read_bytes().splitlines(keepends=True):
            entry = parse(line)
            yield path, offset, entry.number if entry else None
            offset += len(line)


def main() -> None:
    """Cut so often, print what was counted; exit 1 for a false alarm, a missed cut, or a blind control."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.power_cut")
    parser.add_argument("cuts", nargs="?", type=int, default=CUTS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.write:
        write(given.write)
        return
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as other:
        counted = cut_often(Path(folder), given.cuts, given.seed)
        control = cut_often(Path(other), given.cuts, given.seed, unsynced="audit.jsonl")
    for name, each in (("as it is", counted), ("trail never synced", control)):
        sys.stdout.write(
            f"{name}: {each.cuts} power cuts, {len(each.false_alarms)} false alarms;"
            f" {each.lost} ends cut off, {each.missed} missed\n"
        )
        for alarm in each.false_alarms[:5]:
            sys.stdout.write(f"  {alarm}\n")
    sys.exit(bool(counted.false_alarms or counted.missed or not control.false_alarms))


if __name__ == "__main__":
    main()
