"""Who the process acts as: the home's owner in the home, the operator everywhere else.

On an installed host the home belongs to the service's user, and operators are root. What root makes in the
home must belong to the service, or the server cannot use it; and the service could lead root astray there by
a symbolic link (CWE-59). What an operator names on the command line, a key of root's or a folder to write to,
is the operator's. So root switches its effective ids, and switches back;
anybody else only ever acts as themselves.
"""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = 0


@contextmanager
def as_owner_of(home: Path) -> Iterator[None]:
    """Act as the owner of the folder *home*, or of what it will be made in, when this process is root's."""
    owner = _owner_of(home)
    if os.getuid() != ROOT or owner.st_uid in (ROOT, os.geteuid()):
        yield
        return
    with _restoring():
        _join_groups(owner)
        os.setegid(owner.st_gid)
        os.seteuid(owner.st_uid)
        yield


@contextmanager
def as_operator() -> Iterator[None]:
    """Act as the user who started this process again, inside `as_owner_of`."""
    if os.geteuid() == os.getuid():
        yield
        return
    with _restoring():
        os.seteuid(os.getuid())
        os.setegid(os.getgid())
        yield


def become_owner_of(home: Path) -> None:
    """Become the owner of the folder *home* for good, when this process is root's."""
    owner = _owner_of(home)
    if os.getuid() == ROOT and owner.st_uid != ROOT:
        _join_groups(owner)
        os.setresgid(owner.st_gid, owner.st_gid, owner.st_gid)
        os.setresuid(owner.st_uid, owner.st_uid, owner.st_uid)


@contextmanager
def _restoring() -> Iterator[None]:
    uid, gid, groups = os.geteuid(), os.getegid(), os.getgroups()
    try:
        yield
    finally:
        os.seteuid(ROOT)  # only root may change the others
        os.setgroups(groups)
        os.setegid(gid)
        os.seteuid(uid)


def _owner_of(folder: Path) -> os.stat_result:
    """Return the status of *folder*, or of the nearest folder above it that is there."""
    here = folder.absolute()
    return next(each for each in (here, *here.parents) if each.exists()).stat()


def _join_groups(owner: os.stat_result) -> None:
    """Take the groups of the owner, who may have no entry in the user database."""
    try:
        os.initgroups(pwd.getpwuid(owner.st_uid).pw_name, owner.st_gid)
    except KeyError:
        os.setgroups([owner.st_gid])
