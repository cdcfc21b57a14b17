"""Who may own and touch what holds secrets, as sshd's StrictModes has it, and words for what is wrong.

A file is this process's user's, for nobody else; or root's, and then a group may read it too, as PostgreSQL
allows for its keys: so a secret that Kubernetes mounts for a pod's group can be used. A folder is this user's
or root's, and nobody else may write into it: whoever may, can put another file in a key's place.
"""

import os
from collections.abc import Collection
from pathlib import Path

ROOT = 0
_OF_OTHERS = 0o077
_OF_OTHERS_BUT_READING = 0o037
_WRITING = 0o022


class NotPrivateError(PermissionError):
    """A file or folder that others own or may touch; `words` say what to do, without its path."""

    def __init__(self, path: Path, words: str) -> None:
        super().__init__(f"{path} {words}")
        self.words = words


def check_file(path: Path, status: os.stat_result, owners: Collection[int] = ()) -> None:
    """Raise NotPrivateError unless *status* of the open file *path* is as above; *owners* may own it too."""
    _check_owner(path, status, owners)
    of_root_only = status.st_uid == ROOT != os.geteuid()
    if status.st_mode & (_OF_OTHERS_BUT_READING if of_root_only else _OF_OTHERS):
        raise NotPrivateError(path, "is open to other users; chmod 0600 it")


def check_folder(path: Path) -> None:
    """Raise NotPrivateError unless the folder *path* is as above, and OSError when it cannot be looked at."""
    status = path.stat()
    _check_owner(path, status)
    if status.st_mode & _WRITING:
        raise NotPrivateError(path, "can be written by other users; chmod 0700 it")


def words_of(error: Exception, name: str) -> str:
    """Return what is wrong with the file or folder *name*, and what to do, without its path and content."""
    if isinstance(error, NotPrivateError):
        return f"{name} {error.words}"
    if isinstance(error, FileNotFoundError):
        return f"{name} is missing: restore the folder of the keys; on a new host `validator init` makes it"
    if isinstance(error, PermissionError):
        return f"{name} may not be used by this user: chown it and its folder to the user that serves"
    if isinstance(error, OSError):
        return f"{name} cannot be used: {os.strerror(error.errno) if error.errno else type(error).__name__}"
    return f"{name} is damaged ({type(error).__name__}): restore it from the copy that you keep"


def _check_owner(path: Path, status: os.stat_result, owners: Collection[int] = ()) -> None:
    if status.st_uid not in (os.geteuid(), ROOT, *owners):
        raise NotPrivateError(path, "belongs to another user; chown it to the user that serves")
