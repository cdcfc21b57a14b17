"""An enterprise's registration at the cloud: a TOML file, checked as a whole, then frozen.

    [enterprise]   agent_url, chat_url, certificate (the .cer), give_up_after
    [cloud]        names, cookie_domain, skew, pop_origins
    [[tenants]]    id
    [[agents]]     tenant, account, work_no, sip_account
    [[channels]]   id, tenant, secret_key_file, key_order, length_rule
    [[apps]]       key, tenant, secret_file
    [[interfaces]] access_key, tenant, secret_key_file (CC-CMS and CC-FS: another pair than that of an app)
    [[tables]]     tenant, name, encoding (basic tables, of customers)
    [[columns]]    table, name, kind, type, length, items, required
    [[pops]]       url, mode, opening, parameters
    [[flows]]      code, tenant, url, user, secret_file, customer_field (IVR flows that verify)

Secrets are in separate files, readable only by their owner; paths are relative to the registration.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from validator.errors import ConfigurationError, OperatorError
from validator.files import read_private, secret_of, text_of
from validator.operations.certificates.cer import read_cer
from validator.operations.simulator.registration_tables import LISTS, TABLES, broken_columns
from validator.webchat.wire import LengthRule


@dataclass(frozen=True, slots=True)
class Enterprise:
    """The two callbacks, the one certificate (DER) that is trusted there, and the cloud's timeout."""

    agent_url: str
    chat_url: str
    certificate: bytes = field(repr=False)
    give_up_after: timedelta


@dataclass(frozen=True, slots=True)
class Cloud:
    """The simulator itself: its names (none: any), its cookies' domain, its clock tolerance.

    Pages of `pop_origins` may be opened for a call: the allow-list of the cloud's operations.
    """

    names: tuple[str, ...]
    cookie_domain: str
    skew: timedelta
    pop_origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent's login to the cloud; *account* is the cloud's accountCode, the enterprise's userAccount."""

    tenant: str
    account: str
    work_no: int
    sip_account: str


@dataclass(frozen=True, slots=True)
class Channel:
    """A web chat channel, its "third-party authentication key", and how its signatures are rebuilt."""

    id: str
    tenant: str
    secret_key: str = field(repr=False)
    key_order: tuple[str, ...]
    length_rule: LengthRule


@dataclass(frozen=True, slots=True)
class App:
    """A key of API Fabric, for one tenant."""

    key: str
    tenant: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Interface:
    """A pair of keys for CC-CMS and CC-FS, with which each request is signed."""

    access_key: str
    tenant: str
    secret_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a basic table: its kind (index, ordinary or encrypted), and which values it takes."""

    name: str
    kind: str
    type: str
    length: int
    items: tuple[str, ...]
    required: bool


@dataclass(frozen=True, slots=True)
class BasicTable:
    """A table of customers in the cloud, for which files are imported; *encoding* is its template's."""

    tenant: str
    name: str
    encoding: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Pop:
    """A page that the cloud opens for a call, and the chosen names of its parameters, as in `[pop]`."""

    url: str
    mode: str
    opening: str
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Flow:
    """An IVR flow that has callers verified as *code* at *url*; "" if it asks for no id of the customer."""

    code: str
    tenant: str
    url: str
    user: str
    secret: str = field(repr=False)
    customer_field: str = ""


@dataclass(frozen=True, slots=True)
class Registration:
    """Everything that the cloud knows about one enterprise."""

    enterprise: Enterprise
    cloud: Cloud
    tenants: frozenset[str]
    agents: tuple[Agent, ...]
    channels: Mapping[str, Channel]
    apps: Mapping[str, App]
    tables: Mapping[str, BasicTable] = field(default_factory=dict)
    pops: tuple[Pop, ...] = ()
    flows: Mapping[str, Flow] = field(default_factory=dict)
    interfaces: Mapping[str, Interface] = field(default_factory=dict)

    def has_agent(self, tenant: str, account: str) -> bool:
        """Return whether *account* may work in *tenant*."""
        return self.work_no(tenant, account) is not None

    def work_no(self, tenant: str, account: str) -> int | None:
        """Return the work number of *account* in *tenant*, or None."""
        found = (one.work_no for one in self.agents if (one.tenant, one.account) == (tenant, account))
        return next(found, None)


def load(path: Path) -> Registration:
    """Return the registration in the file *path*; raises ConfigurationError with every problem at once."""
    problems: list[str] = []
    content = _checked(_tables(path, problems), problems)
    enterprise, cloud = content["enterprise"], content["cloud"]
    certificate = certificate_in(path.parent, enterprise.pop("certificate", None), problems)
    for row in (*content["channels"], *content["interfaces"]):
        row["secret_key"] = secret_in(path.parent, row.pop("secret_key_file"), problems)
    for row in content["channels"]:
        row["length_rule"] = LengthRule(row["length_rule"])
    for row in (*content["apps"], *content["flows"]):
        row["secret"] = secret_in(path.parent, row.pop("secret_file"), problems)
    problems += _broken_rules(content)
    if problems:
        raise ConfigurationError([f"{path}: {problem}" for problem in problems])
    return Registration(
        enterprise=Enterprise(certificate=certificate, **enterprise),
        cloud=Cloud(**cloud),
        tenants=frozenset(row["id"] for row in content["tenants"]),
        agents=tuple(Agent(**row) for row in content["agents"]),
        channels={row["id"]: Channel(**row) for row in content["channels"]},
        apps={row["key"]: App(**row) for row in content["apps"]},
        tables={row["name"]: _basic_table(row, content["columns"]) for row in content["tables"]},
        pops=tuple(Pop(**row) for row in content["pops"]),
        flows={row["code"]: Flow(**row) for row in content["flows"]},
        interfaces={row["access_key"]: Interface(**row) for row in content["interfaces"]},
    )


def _basic_table(row: Mapping[str, Any], rows: list[dict[str, Any]]) -> BasicTable:
    """Return the table in *row* with its columns among *rows*, those of every table."""
    own = [{**each} for each in rows if each["table"] == row["name"]]
    for each in own:
        del each["table"]
    return BasicTable(columns=tuple(Column(**each) for each in own), **row)


def _tables(path: Path, problems: list[str]) -> dict[str, Any]:
    try:
        content = tomllib.loads(text_of(path.read_bytes()))
    except (OSError, ValueError, RecursionError) as error:
        problems.append(f"cannot be read: {error}")
        return {}
    known = TABLES.keys() | LISTS.keys()
    problems += [f"{name}: unknown; there is {', '.join(sorted(known))}" for name in content.keys() - known]
    return content


def _checked(content: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    """Return every table and every list of tables with its checked values, without the invalid ones."""
    checked: dict[str, Any] = {}
    for name, kind in TABLES.items():
        rows = list(rows_of([content.get(name, {})], kind, f"[{name}]", problems))
        checked[name] = rows[0] if rows else {}
    for name, kind in LISTS.items():
        checked[name] = list(rows_of(content.get(name, []), kind, f"[[{name}]]", problems))
    return checked


def rows_of(rows: Any, kind: Any, place: str, problems: list[str]) -> Iterator[dict[str, Any]]:
    """Yield the checked tables of *rows*, add what is wrong with the others, at *place*, to *problems*."""
    if not isinstance(rows, list):
        problems.append(f"{place}: is not a list of tables")
        return
    for number, row in enumerate(rows, 1):
        where = f"{place} {number}" if place.startswith("[[") else place
        if not isinstance(row, dict):
            problems.append(f"{where}: is not a table")
            continue
        errors = kind.validate(row)
        problems += [f"{where}: {key}: {'; '.join(map(str, words))}" for key, words in errors.items()]
        if not errors:
            yield kind.load(row)


def certificate_in(folder: Path, name: str | None, problems: list[str]) -> bytes:
    """Return the certificate (DER) in the file *name*, empty bytes without one or with a problem."""
    try:
        return read_cer(folder / name).public_bytes(Encoding.DER) if name else b""
    except OperatorError as error:
        problems.append(str(error))
    return b""


def secret_in(folder: Path, name: str, problems: list[str]) -> str:
    """Return the secret in the private file *name*, "" with a problem."""
    try:
        secret = secret_of(read_private(folder / name))
    except PermissionError as error:
        problems.append(str(error))
    except OSError as error:
        problems.append(f"{name}: cannot be read: {type(error).__name__}")
    except ValueError as error:
        problems.append(f"{name}: {error}")
    else:
        if secret:
            return secret
        problems.append(f"{name}: is empty")
    return ""


def _broken_rules(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield the contradictions between tables."""
    tenants = [row["id"] for row in content["tenants"]]
    keys = {"tenants": "id", "channels": "id", "apps": "key", "tables": "name", "flows": "code"}
    keys["interfaces"] = "access_key"
    for name, key in keys.items():
        named = [row[key] for row in content[name]]
        yield from (f"[[{name}]]: {one} is there twice" for one in sorted(set(named)) if named.count(one) > 1)
    for name in ("agents", "channels", "apps", "tables", "flows", "interfaces"):
        unknown = {row["tenant"] for row in content[name]} - set(tenants)
        yield from (f"[[{name}]]: tenant {one} is not among [[tenants]]" for one in sorted(unknown))
    yield from broken_columns(content["tables"], content["columns"])
