"""Settings: defaults, a file and the environment, merged and checked once, then frozen policies.

Precedence is `config/default.toml` < the operator's file < `VALIDATOR_SECTION_KEY`. Every problem is
collected before the start is refused, each naming its source, its key, what is wrong and what is allowed.
Secrets come from files only: the systemd credential `section.key`, else the file a `…_file` key names.

This is the only module that reads the environment and files of configuration;
`configuration.environment` passes them on to other programs.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from validator.accounts.devices import DevicePolicy
from validator.accounts.login import HashingPolicy
from validator.accounts.policy import LockoutPolicy
from validator.accounts.sessions import SessionPolicy
from validator.audit.trail import TrailPolicy
from validator.callbacks.wire import CallbackPolicy
from validator.cloud.agents import AgentsPolicy
from validator.cloud.policy import FabricPolicy
from validator.errors import ConfigurationError, OperatorError
from validator.keys.keyring import KeysPolicy
from validator.limits.policy import PURPOSES, Limit, LimitsPolicy, Mode, Rate
from validator.limits.shares import RATED, SHARES
from validator.metrics.sharing import MetricsPolicy
from validator.passwords.blocklist import Blocklist
from validator.passwords.hashing import PROFILES as HASHING_PROFILES
from validator.passwords.policy import PasswordPolicy
from validator.settings.rules import broken_rules
from validator.settings.secretfiles import read_secret
from validator.settings.sections import KEYS, SECTIONS
from validator.settings.sources import (
    CONFIG_VARIABLE,
    HOME_VARIABLE,
    OPERATOR_VARIABLE,
    Effective,
    from_environment,
    from_file,
)
from validator.shipped import shipped
from validator.store.database import DatabasePolicy
from validator.tokens.claims import TokenPolicy
from validator.web.policy import LogPolicy, ServerPolicy
from validator.web.portal.policy import PortalPolicy
from validator.web.proxy_policy import ProxyPolicy
from validator.webchat.guests import GuestPolicy

DEFAULT_HOME = "var"
DEFAULTS = "default.toml"
_PROXY_FILES = (
    *(f"{server}certificate{part}" for server in ("", "callbacks_") for part in ("", "_key")),
    *("client_ca", "cloud_ca", "document_root", "acme_root"),
)
IMPORTED_LISTS = "passwords"  # folder in the home of the lists that `validator blocklist import` made


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an operator decided, as the policies of the rooms."""

    home: Path
    server: ServerPolicy
    callbacks: CallbackPolicy
    tokens: TokenPolicy
    sessions: SessionPolicy
    passwords: PasswordPolicy
    hashing: HashingPolicy
    webchat: GuestPolicy
    database: DatabasePolicy
    keys: KeysPolicy
    lockout: LockoutPolicy
    devices: DevicePolicy
    limits: LimitsPolicy
    proxy: ProxyPolicy
    fabric: FabricPolicy
    agents: AgentsPolicy
    portal: PortalPolicy
    audit: TrailPolicy
    metrics: MetricsPolicy
    log: LogPolicy
    effective: tuple[Effective, ...]


def load(
    home: Path | None = None,
    config: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Return the settings in force; an argument left out is taken from the environment.

    Raises ConfigurationError naming every problem at once.
    """
    environment = os.environ if environment is None else environment
    home = (home or Path(environment.get(HOME_VARIABLE) or DEFAULT_HOME)).absolute()
    config = config or (Path(environment[CONFIG_VARIABLE]) if environment.get(CONFIG_VARIABLE) else None)
    problems: list[str] = []
    written = from_file(shipped(f"config/{DEFAULTS}"), DEFAULTS, problems)
    if config is not None:
        written |= from_file(config, str(config), problems)
    written |= from_environment(environment, problems)
    sections = _checked(written, problems)
    if not problems:
        broken = broken_rules(sections, environment)
        problems += [f"{written[key].source}: {key}: {why}" for key, why in broken]
    if problems:
        raise ConfigurationError(problems)
    return _frozen(home, sections, written, environment)


def operator_variable() -> str | None:
    """Return the name of the person that the command's wrapper hands over, unproven; None without one."""
    return os.environ.get(OPERATOR_VARIABLE)


def _checked(written: dict[str, Effective], problems: list[str]) -> dict[str, Any]:
    sections = {}
    for name, section in SECTIONS.items():
        values = {key: written[f"{name}.{key}"].value for key in section.fields if f"{name}.{key}" in written}
        errors = section.validate(values)
        for key, messages in errors.items():
            dotted = f"{name}.{key}"
            source = written[dotted].source if dotted in written else DEFAULTS
            problems.append(f"{source}: {dotted}: {'; '.join(map(str, messages))}")
        sections[name] = None if errors else section.load(values)
    return sections


def _frozen(
    home: Path, sections: dict[str, Any], written: dict[str, Effective], environment: Mapping[str, str]
) -> Settings:
    passwords, database = sections["passwords"], sections["database"]
    hashing = HashingPolicy(HASHING_PROFILES[passwords.pop("hashing")], passwords.pop("hashing_slots"))
    password = read_secret("database.password", database.pop("password_file"), home, environment)
    lockout, audit, cloud = sections["lockout"], sections["audit"], sections["cloud"]
    metrics = sections["metrics"]
    agents = AgentsPolicy(cloud.pop("keep_sip_passwords"), cloud.pop("max_removal"))
    devices = DevicePolicy(lockout.pop("device_lifetime"), sections["tokens"].leeway)
    return Settings(
        home=home,
        server=sections["server"],
        callbacks=CallbackPolicy(
            **sections["callbacks"], client_certificate=bool(sections["proxy"]["client_ca"])
        ),
        tokens=sections["tokens"],
        sessions=sections["sessions"],
        passwords=PasswordPolicy(blocklist=_blocklist(home), **passwords),
        hashing=hashing,
        webchat=sections["webchat"],
        database=DatabasePolicy(home=home, password=password, **database),
        keys=KeysPolicy(home / sections["keys"]["directory"]),
        lockout=_lockout(lockout, devices.leeway),
        devices=devices,
        limits=_limits(home, sections["limits"], environment),
        proxy=_proxy(home, sections["proxy"], sections["server"].bind, sections["portal"]),
        fabric=_fabric(home, cloud, environment),
        agents=agents,
        portal=sections["portal"],
        audit=TrailPolicy(directory=home / audit.pop("directory"), **audit),
        metrics=MetricsPolicy(home / metrics.pop("directory"), **metrics),
        log=sections["log"],
        effective=tuple(written[key] for key in KEYS),
    )


def _blocklist(home: Path) -> Blocklist:
    """Return the shipped list of common passwords, with those the enterprise imported."""
    try:
        return Blocklist.from_shipped(*sorted((home / IMPORTED_LISTS).glob("*.bin")))
    except OperatorError as error:
        raise ConfigurationError([str(error)]) from None


def _lockout(values: dict[str, Any], leeway: timedelta) -> LockoutPolicy:
    rates = {f"{source}_rates": values.pop(f"{source}_failures") for source in ("address", "prefix")}
    return LockoutPolicy(**values, **rates, leeway=leeway)


def _limits(home: Path, values: dict[str, Any], environment: Mapping[str, str]) -> LimitsPolicy:
    shadow = values["shadow"]
    rates = {name: values[name] for name in RATED}
    rates |= {name: share.rates(values[share.of], values[share.percent]) for name, share in SHARES.items()}
    shadow = {*shadow, *(name for name, share in SHARES.items() if share.of in shadow)}
    limits = {
        name: Limit(name, rates[name], _mode(rates[name], is_shadow=name in shadow)) for name in PURPOSES
    }
    password = read_secret("limits.storage_password", values["storage_password_file"], home, environment)
    ca_file = home / values["storage_ca_file"] if values["storage_ca_file"] else None
    return LimitsPolicy(home / "limits.db", values["storage"] or None, limits, password, ca_file)


def _proxy(home: Path, values: dict[str, Any], bind: str, portal: PortalPolicy) -> ProxyPolicy:
    files = {key: home / values[key] if values[key] else None for key in _PROXY_FILES}
    upstreams = {key: values[key] or (bind,) for key in ("callbacks_upstream", "people_upstream")}
    return ProxyPolicy(**{**values, **files, **upstreams}, portal_path=portal.path if portal.enabled else "")


def _mode(rates: tuple[Rate, ...], *, is_shadow: bool) -> Mode:
    if not rates:
        return Mode.OFF
    return Mode.SHADOW if is_shadow else Mode.ENFORCE


def _fabric(home: Path, values: dict[str, Any], environment: Mapping[str, str]) -> FabricPolicy:
    file, ca_file = values.pop("app_secret_file"), values.pop("ca_file")
    secret = read_secret("cloud.app_secret", file, home, environment)
    return FabricPolicy(app_secret=secret, ca_file=home / ca_file if ca_file else None, **values)
