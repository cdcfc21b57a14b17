"""Settings: defaults, a file and the environment, merged and checked once, then frozen policies.

Precedence is `config/default.toml` < the operator's file < `VALIDATOR_SECTION_KEY`. Every problem is
collected before the start is refused, each naming its source, its key, what is wrong and what is allowed.
Secrets come from files only: the systemd credential `section.key`, else the file a `…_file` key names.

This is the only module that reads the environment and files of configuration.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar

from marshmallow import RAISE, Schema, post_load

from validator import settingfields as kind
from validator import settingplaces as place
from validator.accounts.blocklist import Blocklist
from validator.accounts.devices import DevicePolicy
from validator.accounts.lockout import LockoutPolicy
from validator.accounts.login import HashingPolicy
from validator.accounts.passwords import PROFILES as HASHING_PROFILES
from validator.accounts.policy import PROFILES as PASSWORD_PROFILES
from validator.accounts.policy import PasswordPolicy
from validator.accounts.sessions import SessionPolicy
from validator.audit.trail import TrailPolicy
from validator.authv2.guests import GuestPolicy
from validator.errors import ConfigurationError, OperatorError
from validator.files import read_private
from validator.keys.keyring import KeysPolicy
from validator.limits.policy import PURPOSES, Limit, LimitsPolicy, Mode, Rate
from validator.shipped import shipped
from validator.store.database import DatabasePolicy
from validator.thirdparty.wire import CallbackPolicy
from validator.tokens.claims import TokenPolicy
from validator.web.policy import ROLES, LogPolicy, ServerPolicy

PREFIX = "VALIDATOR_"
HOME_VARIABLE = PREFIX + "HOME"
CONFIG_VARIABLE = PREFIX + "CONFIG"
DEFAULT_HOME = "var"
DEFAULTS = "default.toml"
IMPORTED_LISTS = "passwords"  # folder in the home of the lists that `validator passwords import` made
OWN_PATHS = ("/api/", "/webchat/", "/service-cloud/", "/healthz/", "/readyz/", "/openapi.json/")


class Section(Schema):
    """One table of the configuration; loading it gives its frozen policy."""

    class Meta:
        """Marshmallow's options."""

        unknown = RAISE

    policy: ClassVar[type]

    @post_load
    def freeze(self, values: dict[str, Any], **_: Any) -> Any:
        """Return the policy that the checked *values* make."""
        return self.policy(**values)


class ServerSection(Section):
    """`[server]`."""

    policy = ServerPolicy
    bind = place.Bind()
    role = kind.Choice(ROLES)
    workers = kind.Whole(1, 64)
    threads = kind.Whole(1, 64)
    graceful_timeout = kind.Duration("1s", "10m")
    keep_alive = kind.Duration("1s", "10m")
    trusted_proxies = kind.Whole(0, 1)
    public_origins = place.Origins()
    max_body = kind.Whole(1024, 1_048_576)


class CallbacksSection(Section):
    """`[callbacks]`."""

    policy = CallbackPolicy
    agent_path = place.UrlPath()
    chat_path = place.UrlPath()
    always_200 = kind.Switch()


class TokensSection(Section):
    """`[tokens]`."""

    policy = TokenPolicy
    agent_lifetime = kind.Duration("10s", "24h")
    chat_lifetime = kind.Duration("10s", "24h")
    leeway = kind.Duration("0s", "5m")


class SessionsSection(Section):
    """`[sessions]`."""

    policy = SessionPolicy
    lifetime = kind.Duration("1m", "24h")


class PasswordsSection(Section):
    """`[passwords]`: what a password must be, and how it is hashed."""

    policy = dict
    profile = kind.Choice(PASSWORD_PROFILES)
    minimum_length = kind.Whole(15, 64)
    context_words = kind.Words()
    hashing = kind.Choice(HASHING_PROFILES)
    hashing_slots = kind.Whole(1, 64)


class WebchatSection(Section):
    """`[webchat]`."""

    policy = GuestPolicy
    guest_prefix = kind.Form(r"[A-Za-z0-9._~-]{1,32}", "1 to 32 of A-Z a-z 0-9 . _ ~ -")
    guest_lifetime = kind.Duration("1h", "365d")
    free_guest_ids = kind.Switch()


class DatabaseSection(Section):
    """`[database]`."""

    policy = dict
    url = place.DatabaseUrl()
    password_file = kind.Line()
    timeout = kind.Duration("100ms", "30s")


class KeysSection(Section):
    """`[keys]`."""

    policy = dict
    directory = kind.Line(empty=False)


class LockoutSection(Section):
    """`[lockout]`."""

    policy = dict
    enabled = kind.Switch()
    free_failures = kind.Whole(1, 100)
    first_delay = kind.Duration("1s", "1h")
    longest_delay = kind.Duration("1s", "24h")
    stop_after = kind.Whole(1, 1000)
    forget_after = kind.Duration("1d", "365d")
    address_failures = kind.Rates()
    device_lifetime = kind.Duration("1d", "365d")


class LimitsSection(Section):
    """`[limits]`, with a rate for each purpose that `limits.policy` names."""

    policy = dict
    storage = place.CounterStorage()
    storage_password_file = kind.Line()
    shadow = kind.Names(PURPOSES)
    vars().update({name: kind.Rates() for name in PURPOSES})


class AuditSection(Section):
    """`[audit]`."""

    policy = dict
    directory = kind.Line(empty=False)
    largest_file = kind.Whole(4096, 2**40)
    sync_verdicts = kind.Switch()


class LogSection(Section):
    """`[log]`."""

    policy = LogPolicy
    level = kind.Choice(("debug", "info", "warning", "error"))
    format = kind.Choice(("json", "console"))


SECTIONS: dict[str, Section] = {
    "server": ServerSection(),
    "callbacks": CallbacksSection(),
    "tokens": TokensSection(),
    "sessions": SessionsSection(),
    "passwords": PasswordsSection(),
    "webchat": WebchatSection(),
    "database": DatabaseSection(),
    "keys": KeysSection(),
    "lockout": LockoutSection(),
    "limits": LimitsSection(),
    "audit": AuditSection(),
    "log": LogSection(),
}
KEYS = tuple(f"{name}.{key}" for name, section in SECTIONS.items() for key in section.fields)


@dataclass(frozen=True, slots=True)
class Effective:
    """One setting as it is in force: its dotted key, its value as written, and where that was written."""

    key: str
    value: Any
    source: str


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
    audit: TrailPolicy
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
    written = _from_file(shipped(f"config/{DEFAULTS}"), DEFAULTS, problems)
    if config is not None:
        written |= _from_file(config, str(config), problems)
    written |= _from_environment(environment, problems)
    sections = _checked(written, problems)
    if not problems:
        _check_together(sections, written, problems)
    if problems:
        raise ConfigurationError(problems)
    return _frozen(home, sections, written, environment)


def environment_variable(key: str) -> str:
    """Return the name of the environment variable that sets *key*, such as `VALIDATOR_LOG_LEVEL`."""
    return PREFIX + key.upper().replace(".", "_")


def export(home: Path, config: Path | None, overrides: Mapping[str, str]) -> None:
    """Hand *home*, *config* and the settings in *overrides* down to the programs this one starts."""
    os.environ[HOME_VARIABLE] = str(home)
    if config is not None:
        os.environ[CONFIG_VARIABLE] = str(config.absolute())
    os.environ.update({environment_variable(key): value for key, value in overrides.items()})


def _from_file(path: Path, name: str, problems: list[str]) -> dict[str, Effective]:
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        problems.append(f"{name}: cannot be read: {error}")
        return {}
    written = {}
    for section, table in tables.items():
        if not isinstance(table, dict):
            problems.append(f"{name}: {section}: stands outside of a [section]")
            continue
        for key, value in table.items():
            dotted = f"{section}.{key}"
            if dotted in KEYS:
                written[dotted] = Effective(dotted, value, name)
            else:
                problems.append(f"{name}: {dotted}: unknown setting{_suggestion(dotted, KEYS)}")
    return written


def _from_environment(environment: Mapping[str, str], problems: list[str]) -> dict[str, Effective]:
    known = {environment_variable(key): key for key in KEYS}
    written = {}
    for name, text in environment.items():
        if not name.startswith(PREFIX) or name in (HOME_VARIABLE, CONFIG_VARIABLE):
            continue
        if name not in known:
            problems.append(f"environment: {name}: unknown setting{_suggestion(name, known)}")
            continue
        section, key = known[name].split(".")
        field = SECTIONS[section].fields[key]
        written[known[name]] = Effective(known[name], kind.from_text(field, text), f"environment: {name}")
    return written


def _suggestion(name: str, known: Mapping[str, str] | tuple[str, ...]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else "; see config/default.toml for every setting"


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


def _check_together(sections: dict[str, Any], written: dict[str, Effective], problems: list[str]) -> None:
    """Check what one setting alone cannot show."""
    callbacks = sections["callbacks"]
    if callbacks.agent_path == callbacks.chat_path:
        source = written["callbacks.chat_path"].source
        problems.append(f"{source}: callbacks.chat_path: is the agent_path too; each callback needs its own")
    for key in ("agent_path", "chat_path"):
        if f"{getattr(callbacks, key)}/".startswith(OWN_PATHS):
            source = written[f"callbacks.{key}"].source
            problems.append(
                f"{source}: callbacks.{key}: is another route's; allowed is any but {', '.join(OWN_PATHS)}"
            )


def _frozen(
    home: Path, sections: dict[str, Any], written: dict[str, Effective], environment: Mapping[str, str]
) -> Settings:
    passwords, database = sections["passwords"], sections["database"]
    hashing = HashingPolicy(HASHING_PROFILES[passwords.pop("hashing")], passwords.pop("hashing_slots"))
    password = _secret("database.password", database.pop("password_file"), home, environment)
    lockout, audit = sections["lockout"], sections["audit"]
    devices = DevicePolicy(lockout.pop("device_lifetime"))
    return Settings(
        home=home,
        server=sections["server"],
        callbacks=sections["callbacks"],
        tokens=sections["tokens"],
        sessions=sections["sessions"],
        passwords=PasswordPolicy(blocklist=_blocklist(home), **passwords),
        hashing=hashing,
        webchat=sections["webchat"],
        database=DatabasePolicy(home=home, password=password, **database),
        keys=KeysPolicy(home / sections["keys"]["directory"]),
        lockout=LockoutPolicy(address_rates=lockout.pop("address_failures"), **lockout),
        devices=devices,
        limits=_limits(home, sections["limits"], environment),
        audit=TrailPolicy(directory=home / audit.pop("directory"), **audit),
        log=sections["log"],
        effective=tuple(written[key] for key in KEYS),
    )


def _blocklist(home: Path) -> Blocklist:
    """Return the shipped list of common passwords, with those the enterprise imported."""
    try:
        return Blocklist.from_shipped(*sorted((home / IMPORTED_LISTS).glob("*.bin")))
    except OperatorError as error:
        raise ConfigurationError([str(error)]) from None


def _limits(home: Path, values: dict[str, Any], environment: Mapping[str, str]) -> LimitsPolicy:
    shadow = values["shadow"]
    limits = {
        name: Limit(name, rates, _mode(rates, is_shadow=name in shadow))
        for name, rates in values.items()
        if name in PURPOSES
    }
    password = _secret("limits.storage_password", values["storage_password_file"], home, environment)
    return LimitsPolicy(home / "limits.db", values["storage"] or None, limits, password)


def _mode(rates: tuple[Rate, ...], *, is_shadow: bool) -> Mode:
    if not rates:
        return Mode.OFF
    return Mode.SHADOW if is_shadow else Mode.ENFORCE


def _secret(name: str, file: str, home: Path, environment: Mapping[str, str]) -> str | None:
    """Return the secret *name*, from systemd's credentials or from *file*; None when neither is given.

    Raises ConfigurationError when the file cannot be read, is empty or is open to other users.
    """
    credentials = environment.get("CREDENTIALS_DIRECTORY")
    credential = Path(credentials, name) if credentials else None
    given = credential is not None and credential.is_file()
    if not given and not file:
        return None
    path = credential if credential is not None and given else home / file
    try:
        # systemd guards its credentials by the folder, and may give the files other modes.
        content = path.read_bytes() if given else read_private(path)
        secret = content.decode("utf-8").rstrip("\r\n")
    except PermissionError as error:
        words = (
            f"cannot be read: {error.strerror}" if error.errno else "is open to other users; chmod 0600 it"
        )
        raise ConfigurationError([f"{path}: {name}: {words}"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"{path}: {name}: cannot be read: {type(error).__name__}"]) from None
    if not secret:
        raise ConfigurationError([f"{path}: {name}: is empty"])
    return secret
