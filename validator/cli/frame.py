"""What every command shares: the home and the configuration, opened parts, errors as exit codes, tables."""

import os
import pwd
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import click
import orjson

from validator.audit.events import Event, EventName, Exchange, Outcome, current_exchange
from validator.cli.privileges import as_owner_of
from validator.clock import iso_milliseconds
from validator.configuration.sources import CONFIG_VARIABLE, HOME_VARIABLE
from validator.errors import ConfigurationError, OperatorError, Reason, ValidatorError
from validator.issuance import Operator
from validator.services import Services, open_services
from validator.settings import Settings, load
from validator.store import schema
from validator.untrusted import is_forbidden

_PATHS = "validator.paths"


def _remember(context: click.Context, option: click.Parameter, value: Path | None) -> Path | None:
    if value is not None:
        context.meta[f"{_PATHS}.{option.name}"] = value
    return value


def _path_options() -> list[click.Parameter]:
    return [
        click.Option(
            ["--home"],
            type=click.Path(file_okay=False, path_type=Path),
            help=f"Folder of the state; else ${HOME_VARIABLE}, else ./var.",
            expose_value=False,
            callback=_remember,
        ),
        click.Option(
            ["--config"],
            type=click.Path(dir_okay=False, path_type=Path),
            help=f"File of settings; else ${CONFIG_VARIABLE}, else the defaults.",
            expose_value=False,
            callback=_remember,
        ),
    ]


def _check_text(context: click.Context) -> None:
    """Refuse arguments that are no text: they could be neither stored nor written down."""
    for value in context.params.values():
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str) and is_forbidden(text):
                raise click.UsageError("an argument is not UTF-8", context)


class Command(click.Command):
    """A command that takes --home and --config, and ends with exit code 1 when it is refused or fails."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params.extend(_path_options())

    def invoke(self, context: click.Context) -> Any:
        """Run the command; what this project raises on purpose becomes a message on standard error."""
        current_exchange.set(Exchange(request_id=uuid4().hex, source=f"user:{user_name()}", role="cli"))
        try:
            _check_text(context)
            return super().invoke(context)
        except ConfigurationError as error:
            raise click.ClickException(
                "the configuration cannot be used:\n  " + "\n  ".join(error.problems)
            ) from None
        except ValidatorError as error:
            raise click.ClickException(
                error.detail or f"{error.answer.value.title} ({error.reason})"
            ) from None
        except OperatorError as error:
            raise click.ClickException(str(error)) from None
        except BrokenPipeError:
            raise  # click ends quietly
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            raise click.ClickException(f"{place}{error.strerror or error}") from None


class Group(click.Group):
    """A group of such commands."""

    command_class = Command
    group_class = type

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params.extend(_path_options())


def paths() -> tuple[Path | None, Path | None]:
    """Return the home and the configuration file that the command line names; None where it does not."""
    meta = click.get_current_context().meta
    return meta.get(f"{_PATHS}.home"), meta.get(f"{_PATHS}.config")


def load_settings() -> Settings:
    """Return the settings in force; raises ConfigurationError."""
    return load(*paths())


@contextmanager
def opened(*, any_schema: bool = False) -> Iterator[Services]:
    """Give every part, acting as the home's owner; what the operator names is opened by `as_operator`.

    Raises OperatorError without a home, Fault unless the schema is the newest.
    """
    settings = load_settings()
    if not settings.home.is_dir():
        raise OperatorError(f"there is no home at {settings.home}: run `validator init`")
    with as_owner_of(settings.home):
        services = open_services(settings)
        try:
            if not any_schema:
                schema.check_newest(services.database)
            yield services
        finally:
            services.close()


def user_name() -> str:
    """Return the name of the user who is typing, or their number when it has none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def operator() -> Operator:
    """Return who is typing, as the audit trail names them."""
    return Operator(f"operator:{user_name()}")


@contextmanager
def recorded(
    services: Services, name: EventName, detail: str, *, tenant: str | None = None, subject: str | None = None
) -> Iterator[None]:
    """Write down how the change in such a block ended, before anything is told of it."""
    services.trail.check()
    event = Event(name, Outcome.ACCEPTED, tenant=tenant, subject=subject, by=operator().label, detail=detail)
    try:
        yield
    except (ValidatorError, OperatorError) as error:
        reason = error.reason if isinstance(error, ValidatorError) else Reason.REQUEST_INVALID
        services.trail.append(replace(event, outcome=Outcome.REFUSED, reason=reason))
        raise
    services.trail.append(event)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def show(content: Any, *, as_json: bool) -> None:
    """Print a list of things as a table, one thing as lines, or either as JSON."""
    if as_json:
        click.echo(
            orjson.dumps(
                content, default=_plain, option=orjson.OPT_INDENT_2 | orjson.OPT_PASSTHROUGH_DATETIME
            ).decode()
        )
    elif isinstance(content, Mapping):
        _print_lines(content)
    else:
        _print_table(list(content))


def _print_lines(content: Mapping[str, Any]) -> None:
    width = max(map(len, content))
    for name, value in content.items():
        click.echo(f"{name:<{width}}  {_text(value)}")


def _print_table(rows: list[Mapping[str, Any]]) -> None:
    if not rows:
        return
    names = list(rows[0])
    cells = [names, *([_text(row[name]) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        click.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def _text(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, str):
        return value
    if isinstance(value, Iterable):
        return ",".join(map(str, value)) or "-"
    return str(_plain(value)) if isinstance(value, datetime) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso_milliseconds(value)
    if isinstance(value, (frozenset, tuple)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
