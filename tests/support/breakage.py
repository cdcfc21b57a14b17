"""Breaks what an answer needs, by means that also hold for root, and mends it again."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.support.fakes import Enterprise
from validator.audit.folder import CURRENT as TRAIL
from validator.keys.keyring import FILE as KEYRING

Breakage = Callable[[Enterprise], AbstractContextManager[None]]


@contextmanager
def _in_place_of(path: Path, put: Callable[[Path], object]) -> Iterator[None]:
    """Move *path* aside and *put* something else there; put it back afterwards."""
    aside = path.with_name(f"{path.name}.aside")
    path.rename(aside)
    try:
        put(path)
        yield
    finally:
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)
        aside.rename(path)


def _nothing(path: Path) -> None:
    """Leave *path* away."""


def _garbage(path: Path) -> None:
    path.write_bytes(b"not what should be here\n" * 400)
    path.chmod(0o600)


def _keyring(put: Callable[[Path], object]) -> Breakage:
    def broken(enterprise: Enterprise) -> AbstractContextManager[None]:
        return _in_place_of(enterprise.services.settings.keys.directory / KEYRING, put)

    return broken


def _store(put: Callable[[Path], object]) -> Breakage:
    @contextmanager
    def broken(enterprise: Enterprise) -> Iterator[None]:
        database = enterprise.services.database
        # An open connection would go on with the file that was moved.
        database.close()
        with _in_place_of(Path(str(database.engine.url.database)), put):
            yield
            database.close()

    return broken


def _trail(name: str, put: Callable[[Path], object]) -> Breakage:
    @contextmanager
    def broken(enterprise: Enterprise) -> Iterator[None]:
        trail = enterprise.services.trail
        trail.check()
        trail.close()
        with _in_place_of(enterprise.services.settings.audit.directory / name, put):
            yield
            trail.close()

    return broken


@contextmanager
def keyring_open_to_others(enterprise: Enterprise) -> Iterator[None]:
    """Let every user of the machine read the keys, which the keyring must not put up with."""
    path = enterprise.services.settings.keys.directory / KEYRING
    path.chmod(0o644)
    path.touch()  # the file is read again when it changes
    yield
    path.chmod(0o600)
    path.touch()


STORE: dict[str, Breakage] = {
    "store deleted": _store(_nothing),
    "store garbage": _store(_garbage),
    "store a folder": _store(Path.mkdir),
}
KEYS: dict[str, Breakage] = {
    "keyring deleted": _keyring(_nothing),
    "keyring garbage": _keyring(_garbage),
    "keyring a folder": _keyring(Path.mkdir),
    "keyring open to others": keyring_open_to_others,
}
TRAIL_AWAY: dict[str, Breakage] = {
    "trail a folder": _trail(TRAIL, Path.mkdir),
    "trail folder a file": _trail(".", _garbage),
}
EVERY = {**STORE, **KEYS, **TRAIL_AWAY}
