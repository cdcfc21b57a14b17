"""What the other call centre knows: a TOML file, checked as a whole, then frozen.

    [centre]    names, single_login, renews, lifetime
    [push]      url_file, certificate (the receiver of the call records; may be left out)
    [[agents]]  username, password_file, nickname, ext_no, id

A password file has the lower-case hex MD5 of the password, as the login sends it. Secrets are in separate
files, readable only by their owner; paths are relative to the file.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from validator.errors import ConfigurationError
from validator.files import text_of
from validator.operations.simulator.registration import certificate_in, rows_of, secret_in
from validator.operations.simulator.registration_tables import Names, Table, optional
from validator.settings import fields

_MD5 = re.compile(r"[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class CentreAgent:
    """An agent: the login, the MD5 of the password in lower-case hex, the extension, and the user's id."""

    username: str
    password: str = field(repr=False)
    nickname: str
    ext_no: str
    id: int


@dataclass(frozen=True, slots=True)
class Receiver:
    """The enterprise's route for call records; the URL may have a secret. Only *certificate* is trusted."""

    url: str = field(repr=False)
    certificate: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Centre:
    """The other centre at its start.

    Its certificate is for *names*, or for this host. With `single_login` a login ends the agent's earlier
    one; with `renews` the response to a call that was requested by HTTP carries a new token.
    """

    agents: Mapping[str, CentreAgent]
    names: tuple[str, ...] = ()
    single_login: bool = True
    renews: bool = False
    lifetime: timedelta = timedelta(hours=12)
    receiver: Receiver | None = None


class CentreTable(Table):
    """`[centre]`."""

    names = optional(Names(), ())
    single_login = optional(fields.Boolean(), True)
    renews = optional(fields.Boolean(), False)
    lifetime = optional(fields.Duration("1s", "12h"), fields.parse_duration("12h"))


class PushTable(Table):
    """`[push]`."""

    url_file = fields.Line(empty=False)
    certificate = fields.Line(empty=False)


class CentreAgentTable(Table):
    """`[[agents]]`."""

    username = fields.Line(empty=False)
    password_file = fields.Line(empty=False)
    nickname = fields.Line()
    ext_no = fields.Pattern("[0-9]{1,16}", "an extension: 1 to 16 digits")
    id = fields.Integer(1, 999_999_999)


_TABLES: dict[str, Table] = {"centre": CentreTable(), "push": PushTable()}
_AGENTS = CentreAgentTable()


def load(path: Path) -> Centre:
    """Return the centre in the file *path*; raises ConfigurationError with every problem at once."""
    problems: list[str] = []
    content = _content(path, problems)
    table = _table(content, "centre", problems)
    receiver = _receiver(path.parent, _table(content, "push", problems), problems)
    agents = [
        _agent(path.parent, row, problems)
        for row in rows_of(content.get("agents", []), _AGENTS, "[[agents]]", problems)
    ]
    problems += [
        f"[[agents]]: {key} is there twice"
        for key in ("username", "ext_no", "id")
        if len({getattr(agent, key) for agent in agents}) < len(agents)
    ]
    if problems:
        raise ConfigurationError([f"{path}: {problem}" for problem in problems])
    return Centre(agents={agent.username: agent for agent in agents}, receiver=receiver, **table)


def _content(path: Path, problems: list[str]) -> dict[str, Any]:
    try:
        content = tomllib.loads(text_of(path.read_bytes()))
    except (OSError, ValueError, RecursionError) as error:
        problems.append(f"cannot be read: {error}")
        return {}
    problems += [f"{name}: unknown" for name in sorted(content.keys() - _TABLES.keys() - {"agents"})]
    return content


def _table(content: Mapping[str, Any], name: str, problems: list[str]) -> dict[str, Any]:
    """Return the checked table *name*; an empty one for [push] that is left out, and with a problem."""
    if name == "push" and name not in content:
        return {}
    return next(iter(rows_of([content.get(name, {})], _TABLES[name], f"[{name}]", problems)), {})


def _agent(folder: Path, row: dict[str, Any], problems: list[str]) -> CentreAgent:
    name = row.pop("password_file")
    password = secret_in(folder, name, problems)
    if password and not _MD5.fullmatch(password):
        problems.append(f"{name}: is not an MD5 in lower-case hex")
    return CentreAgent(password=password, **row)


def _receiver(folder: Path, row: Mapping[str, Any], problems: list[str]) -> Receiver | None:
    if not row:
        return None
    url = secret_in(folder, row["url_file"], problems)
    certificate = certificate_in(folder, row["certificate"], problems)
    if url and not _is_https(url):
        problems.append(f"{row['url_file']}: is not an https URL")
    return Receiver(url, certificate)


def _is_https(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" and bool(parts.hostname)
