"""The base of every command: --home and --config, examples, opened services, errors as exit codes."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import click
import structlog

from validator.causes import cause_of
from validator.cli.operators import user_name
from validator.cli.privileges import as_owner_of
from validator.errors import ConfigurationError, OperatorError, ValidatorError
from validator.escaping import escaped
from validator.exchange import Exchange, current_exchange
from validator.services import Services, open_services
from validator.settings.loading import Settings, load
from validator.settings.sources import CONFIG_VARIABLE, HOME_VARIABLE
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
    """Refuse arguments that are not valid text: they could be neither stored nor logged."""
    for value in context.params.values():
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str) and is_forbidden(text):
                raise click.UsageError("an argument is not UTF-8", context)


class Command(click.Command):
    """A command with --home, --config and examples; it ends with exit code 1 when it is refused or fails."""

    def __init__(self, *arguments: Any, examples: Sequence[str] = (), **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.examples = tuple(examples)
        self.params.extend(_path_options())

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, one a line, at the end of the help text."""
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"  {example}\n")

    def invoke(self, context: click.Context) -> Any:
        """Run the command; an error of this project becomes a message on standard error."""
        current_exchange.set(Exchange(request_id=uuid4().hex, source=f"user:{user_name()}", role="cli"))
        # Standard output is for the result, which a program may read; the log goes to standard error.
        structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
        try:
            _check_text(context)
            return super().invoke(context)
        except ConfigurationError as error:
            raise _failure("the configuration cannot be used:", *error.problems) from None
        except ValidatorError as error:
            words, cause = error.detail or f"{error.answer.value.title} ({error.reason})", cause_of(error)
            raise _failure(f"{words}: {cause}" if cause else words) from None
        except OperatorError as error:
            raise _failure(*error.lines) from None
        except BrokenPipeError:
            raise  # click ends quietly
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            raise _failure(f"{place}{error.strerror or error}") from None


def _failure(first: str, *more: str) -> click.ClickException:
    """Return an exception that prints these lines, escaped, and ends the command with exit code 1."""
    return click.ClickException("\n  ".join(map(escaped, (first, *more))))


class Group(click.Group):
    """A group of `Command`s."""

    command_class = Command
    group_class = type

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params.extend(_path_options())

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Return the context; errors about arguments are escaped."""
        with _escaping():
            return super().make_context(*arguments, **options)

    def invoke(self, context: click.Context) -> Any:
        """Run the named command; errors about arguments are escaped."""
        with _escaping():
            return super().invoke(context)


@contextmanager
def _escaping() -> Iterator[None]:
    try:
        yield
    except click.ClickException as error:
        # `message` is declared final; it is replaced here before anything reads it.
        error.message = "\n".join(map(escaped, error.message.split("\n")))  # type: ignore[misc]
        raise


def paths() -> tuple[Path | None, Path | None]:
    """Return the values of --home and --config; None for one that is not given."""
    meta = click.get_current_context().meta
    return meta.get(f"{_PATHS}.home"), meta.get(f"{_PATHS}.config")


def load_settings() -> Settings:
    """Return the settings in force; raises ConfigurationError."""
    return load(*paths())


@contextmanager
def opened(settings: Settings | None = None, *, any_schema: bool = False) -> Iterator[Services]:
    """Open the services as the home's owner; open files that the operator names inside `as_operator`.

    Without *settings* those in force are used. Raises OperatorError without a home, Fault unless the schema
    is the newest.
    """
    settings = settings or load_settings()
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
