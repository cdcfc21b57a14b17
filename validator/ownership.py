"""Checks the owner and mode of secrets, like sshd's StrictModes, and describes what is wrong.

A file belongs to this process's user and is accessible to no other user; or it is root's, and then a group
may read it too, as PostgreSQL permits for its keys: so a secret that Kubernetes mounts for a pod's group is
usable. A folder is this user's or root's, and no other user may write to it: they could replace a key's file.
"""

import os
from collections.abc import Collection
from pathlib import Path

ROOT = 0
_OTHERS = 0o077
_OTHERS_EXCEPT_GROUP_READ = 0o037
_OTHERS_WRITE = 0o022


class NotPrivateError(PermissionError):
    """A file or folder that others own or may access; `words` has the remedy, without its path."""

    def __init__(self, path: Path, words: str) -> None:
        super().__init__(f"{path} {words}")
        self.words = words


def check_file(path: Path, status: os.stat_result, owners: Collection[int] = ()) -> None:
    """Raise NotPrivateError unless *status* of the open file *path* is as above; *owners* may own it too."""
    _check_owner(path, status, owners)
    of_root_only = status.st_uid == ROOT != os.geteuid()
    if status.st_mode & (_OTHERS_EXCEPT_GROUP_READ if of_root_only else _OTHERS):
        raise NotPrivateError(path, "is open to other users; chmod 0600 it")


def check_folder(path: Path) -> None:
    """Raise NotPrivateError unless the folder *path* is as above; OSError when it cannot be examined."""
    status = path.stat()
    _check_owner(path, status)
    if status.st_mode & _OTHERS_WRITE:
        raise NotPrivateError(path, "can be written by other users; chmod 0700 it")


def words_of(error: Exception, name: str) -> str:
    """Return the problem with the file or folder *name* and the remedy, without its path and content."""
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
