"""A disk that can be made to stall: every write to it hangs, as on a device that does not respond.

It is a small file system in a file (a loop device), frozen by `fsfreeze`. Only root can have one.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_MEGABYTES = 64


class FrozenDisk:
    """A mounted file system."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """Hang whatever writes to the disk while the block runs."""
        subprocess.run(["fsfreeze", "--freeze", str(self.folder)], check=True)
        try:
            yield
        finally:
            subprocess.run(["fsfreeze", "--unfreeze", str(self.folder)], check=True)


@contextmanager
def frozen_disk(folder: Path) -> Iterator[FrozenDisk]:
    """Give a disk at *folder*, which is made; skip the test where nothing may be mounted."""
    folder.mkdir()
    image = folder.with_name(f"{folder.name}.image")
    with image.open("wb") as file:
        file.truncate(_MEGABYTES << 20)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    mount = ["mount", "-o", "loop", str(image), str(folder)]
    mounted = subprocess.run(mount, check=False, capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"needs root that may mount a loop device: {mounted.stderr.strip()}")
    try:
        folder.chmod(0o700)
        yield FrozenDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
