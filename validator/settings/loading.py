"""Settings: defaults, a file and the environment, merged and checked once, then frozen policies.

Precedence is `config/default.toml` < the operator's file < `VALIDATOR_SECTION_KEY`. Every problem is
collected before the start is refused, each naming its source, its key, what is wrong and what is allowed.
Secrets come from files only: the systemd credential `section.key`, else the file a `…_file` key names.

This is the only module that reads the environment and files of configuration;
`settings.environment` passes them on to other programs.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marshmallow import ValidationError

from validator.accounts.policy import LockoutPolicy
from validator.accounts.sessions import SessionPolicy
from validator.audit.trail import TrailPolicy
from validator.callbacks.wire import CallbackPolicy
from validator.callcentre.policy import CallRecordsPolicy
from validator.cloud.policy import CloudPolicy
from validator.ctibar.policy import CallsPolicy, CtibarPolicy
from validator.customerquery.policy import QueryPolicy
from validator.customers.policy import CustomersPolicy
from validator.errors import ConfigurationError
from validator.ivr.policy import IvrPolicy
from validator.keys.keyring import KeysPolicy
from validator.limits.policy import LimitsPolicy
from validator.metrics.sharing import MetricsPolicy
from validator.numbers.reading import NumbersPolicy
from validator.passwords.policy import PasswordPolicy
from validator.settings.rules import broken_rules
from validator.settings.sections import KEYS, SECTIONS
from validator.settings.sources import (
    CONFIG_VARIABLE,
    HOME_VARIABLE,
    OPERATOR_VARIABLE,
    Effective,
    from_environment,
    from_file,
)
from validator.settings.surroundings import Surroundings
from validator.shipped import shipped
from validator.store.database import DatabasePolicy
from validator.tokens.claims import TokenPolicy
from validator.verification.policy import VerificationPolicy
from validator.web.policy import LogPolicy, ServerPolicy
from validator.web.portal.policy import PopPolicy, PortalPolicy
from validator.web.proxy_policy import ProxyPolicy
from validator.webchat.guests import GuestPolicy
from validator.webhooks.policy import WebhooksPolicy

DEFAULT_HOME = "var"
DEFAULTS = "default.toml"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an operator decided: the policy of each section, by the section's name."""

    home: Path
    server: ServerPolicy
    callbacks: CallbackPolicy
    query_customer: QueryPolicy
    verification: VerificationPolicy
    ivr: IvrPolicy
    callrecords: CallRecordsPolicy
    tokens: TokenPolicy
    sessions: SessionPolicy
    passwords: PasswordPolicy
    webchat: GuestPolicy
    database: DatabasePolicy
    keys: KeysPolicy
    lockout: LockoutPolicy
    limits: LimitsPolicy
    proxy: ProxyPolicy
    cloud: CloudPolicy
    portal: PortalPolicy
    pop: PopPolicy
    customers: CustomersPolicy
    numbers: NumbersPolicy
    webhooks: WebhooksPolicy
    ctibar: CtibarPolicy
    calls: CallsPolicy
    audit: TrailPolicy
    metrics: MetricsPolicy
    log: LogPolicy
    effective: tuple[Effective, ...]

    @property
    def integration_problems(self) -> list[str]:
        """What the role `integrations` lacks, in words without a secret."""
        used = (self.query_customer, self.customers, self.verification, self.webhooks, self.callrecords)
        return [problem for policy in used for problem in policy.problems]


_of_master: list[Settings] = []


def hand_over(settings: Settings) -> None:
    """Have the workers that this process forks from now on use *settings*."""
    _of_master[:] = [settings]


def of_worker() -> Settings:
    """Return the settings that were handed over, else load them.

    A worker that replaces another one has the settings of all others, even if the file has changed since, or
    has a mistake: gunicorn ends the whole server when a worker cannot start.
    """
    return _of_master[0] if _of_master else load()


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
    policies = {} if problems else _policies(sections, home, environment, problems)
    if problems:
        raise ConfigurationError(problems)
    return Settings(home=home, **policies, effective=tuple(written[key] for key in KEYS))


def operator_variable() -> str | None:
    """Return the operator's name that the command's wrapper passes, unproven; None without one."""
    return os.environ.get(OPERATOR_VARIABLE)


def _checked(written: dict[str, Effective], problems: list[str]) -> dict[str, Any]:
    sections = {}
    for name, section in SECTIONS.items():
        values = {key: written[f"{name}.{key}"].value for key in section.fields if f"{name}.{key}" in written}
        try:
            sections[name] = section.load(values)
        except ValidationError as error:
            for key, messages in error.messages_dict.items():
                dotted = f"{name}.{key}"
                source = written[dotted].source if dotted in written else DEFAULTS
                problems.append(f"{source}: {dotted}: {'; '.join(map(str, messages))}")
    return sections


def _policies(
    sections: dict[str, Any], home: Path, environment: Mapping[str, str], problems: list[str]
) -> dict[str, Any]:
    around, policies = Surroundings(home, environment, sections), {}
    for name, section in SECTIONS.items():
        try:
            policies[name] = section.freeze(sections[name], around)
        except ConfigurationError as error:
            problems += error.problems
    return policies
