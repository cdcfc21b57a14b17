"""A process's memory and descriptors are reported; one that does not exist has none."""

import mmap
import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from validator.operations.monitoring.processes import open_descriptors, resident_bytes


def gone() -> int:
    """Return the id of a process that has ended."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


def test_memory_that_is_taken_shows() -> None:
    """A process that takes 64 MiB more has 64 MiB more, and not more than it ever had."""
    before = resident_bytes(os.getpid())
    taken = mmap.mmap(-1, 64 << 20)
    taken.write(b"x" * (64 << 20))
    after = resident_bytes(os.getpid())
    taken.close()

    assert before is not None
    assert after is not None
    assert 60 << 20 < after - before < 80 << 20
    assert after <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 + (8 << 20)


@contextmanager
def shell(script: str, folder: Path) -> Iterator[int]:
    """Yield the id of a shell that has run *script*, and opens and closes nothing until the end."""
    command = ["sh", "-c", f"{script} echo ready; read line"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=folder) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process.pid


def test_open_files_show(tmp_path: Path) -> None:
    """Three more open files are three more descriptors."""
    with shell("", tmp_path) as plain, shell("exec 3>one 4>two 5>three;", tmp_path) as with_files:
        before, after = open_descriptors(plain), open_descriptors(with_files)

    assert before is not None
    assert after == before + 3


def test_nobody_tells_nothing() -> None:
    """A process that has ended has neither memory nor files, and that is no error."""
    ended = gone()

    assert (resident_bytes(ended), open_descriptors(ended)) == (None, None)
