"""The operator's name, and the audit trail's entry of a change.

The kernel's login uid survives sudo, su and runuser, and only root can change it. Without one (containers,
services) the command's wrapper may pass a name, which is not proven: any user who may run the command may set
it. Otherwise the name of the process's user is recorded.
"""

import os
import pwd
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from validator.audit.events import Event, EventName, Outcome
from validator.cli.output import say
from validator.errors import OperatorError, Reason, ValidatorError
from validator.services import Services
from validator.settings.loading import operator_variable
from validator.settings.sources import OPERATOR_VARIABLE
from validator.tokens.principals import Operator

_LOGIN_UID = Path("/proc/self/loginuid")
_UNSET = 2**32 - 1
_FIRST_PERSON = 1000  # lower uids belong to root and to services (login.defs: UID_MIN)
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+\\-]{0,63}\$?", re.ASCII)
_NOTICED = f"{__name__}.noticed"


@dataclass(frozen=True, slots=True)
class Named:
    """The operator's name, None when only the process's *user* is known; and a complaint."""

    user: str
    person: str | None
    complaint: str | None = None

    @property
    def label(self) -> str:
        """The operator's name in the audit trail."""
        if self.person in (None, self.user):
            return f"operator:{self.user}"
        return f"operator:{self.person} (as {self.user})"


def name_of(uid: int) -> str:
    """Return the name of the user *uid*, or the number when it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def user_name() -> str:
    """Return the name of the user that this process runs as."""
    return name_of(os.getuid())


def login_uid(file: Path = _LOGIN_UID) -> int | None:
    """Return the login uid; None without a login, or when the kernel does not record it."""
    try:
        uid = int(file.read_text("ascii"))
    except (OSError, ValueError):
        return None
    return None if uid == _UNSET else uid


def named(logged_in: int | None, uid: int, handed_over: str | None) -> Named:
    """Return the operator's name by the login uid, else by *handed_over*, else by the process's *uid*."""
    user = name_of(uid)
    if logged_in is not None:
        return Named(user, name_of(logged_in))
    if handed_over and _NAME.fullmatch(handed_over):
        is_person = handed_over != "root" and (handed_over != user or uid >= _FIRST_PERSON)
        return Named(user, handed_over, None if is_person else _complaint(handed_over))
    complaint = f"{OPERATOR_VARIABLE} is not a user's name: " if handed_over else ""
    if uid >= _FIRST_PERSON:
        return Named(user, user, f"{complaint}not used" if complaint else None)
    return Named(user, None, complaint + _complaint(user))


def operator() -> Operator:
    """Return the operator; print a notice, once for each command, when the name is not a person's."""
    # In the home a command that root runs acts as the owner.
    found = named(login_uid(), os.geteuid(), operator_variable())
    context = click.get_current_context(silent=True)  # there is none where no command runs
    if found.complaint is not None and context is not None and not context.meta.get(_NOTICED, False):
        context.meta[_NOTICED] = True
        say(f"notice: {found.complaint}", err=True)
    return Operator(found.label)


@contextmanager
def recorded(
    services: Services, name: EventName, detail: str, *, tenant: str | None = None, subject: str | None = None
) -> Iterator[None]:
    """Record the outcome of the change that the block makes, before anything is printed about it."""
    services.trail.check()
    event = Event(name, Outcome.ACCEPTED, tenant=tenant, subject=subject, by=operator().label, detail=detail)
    try:
        yield
    except (ValidatorError, OperatorError) as error:
        reason = error.reason if isinstance(error, ValidatorError) else Reason.REQUEST_INVALID
        services.trail.append(event._replace(outcome=Outcome.REFUSED, reason=reason))
        raise
    services.trail.append(event)


def _complaint(user: str) -> str:
    return f"the audit trail names {user}, not a person: log in as yourself, or set {OPERATOR_VARIABLE}"
