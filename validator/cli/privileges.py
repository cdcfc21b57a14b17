"""Which user the process acts as: the home's owner in the home, the operator everywhere else.

On an installed host the home belongs to the service's user, and operators are root. Files that root makes in
the home must belong to the service, or the server cannot use them; and a symbolic link there, made by the
service, could redirect root's writes (CWE-59). Files that an operator names on the command line are opened
as the operator. So root switches its effective ids, and switches back; other users never switch.
"""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = 0


@contextmanager
def as_owner_of(home: Path) -> Iterator[None]:
    """As root, act as the owner of the folder *home*, or of the folder that it will be made in."""
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
    """Inside `as_owner_of`, act as the user who started this process again."""
    if os.geteuid() == os.getuid():
        yield
        return
    with _restoring():
        os.seteuid(os.getuid())
        os.setegid(os.getgid())
        yield


def become_owner_of(home: Path) -> None:
    """As root, become the owner of the folder *home* irreversibly."""
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
    """Return the status of *folder*, or of its nearest parent that exists."""
    here = folder.absolute()
    return next(each for each in (here, *here.parents) if each.exists()).stat()


def _join_groups(owner: os.stat_result) -> None:
    """Set the groups of the owner, who may be missing in the user database."""
    try:
        os.initgroups(pwd.getpwuid(owner.st_uid).pw_name, owner.st_gid)
    except KeyError:
        os.setgroups([owner.st_gid])
