"""The input of secrets: from a file, from standard input or generated, never from an argument."""

import secrets
import string
import sys
from pathlib import Path

import click

from validator.cli.privileges import as_operator
from validator.errors import OperatorError
from validator.files import read_private, secret_of
from validator.passwords.policy import PasswordPolicy

_ALPHABET = string.ascii_letters + string.digits
_PASSWORD_LENGTH = 24


def read_secret(file: Path | None, prompt: str) -> str:
    """Return the secret in *file*, or typed at a terminal without echo, or the first line of standard input.

    Raises PermissionError when other users may read the file, as for the secrets of the settings.
    """
    if file is not None and str(file) != "-":
        with as_operator():
            # The operator names it, so any owner is allowed, such as the person behind sudo.
            content = read_private(file, (file.stat().st_uid,))
    elif sys.stdin is not None and sys.stdin.isatty():
        return str(click.prompt(prompt, hide_input=True, confirmation_prompt=True))
    else:
        content = first_line()
    try:
        secret = secret_of(content)
    except ValueError as error:
        raise OperatorError(f"{prompt}: {error}") from None
    if not secret:
        raise OperatorError(f"{prompt}: nothing was given")
    return secret


def first_line() -> bytes:
    """Return the first line of standard input, or b"" when it is closed."""
    return sys.stdin.buffer.readline() if sys.stdin is not None else b""


def presented_token() -> str:
    """Return the token in the first line of standard input; raises OperatorError when there is none."""
    presented = first_line().decode("utf-8", "replace").strip()
    if not presented:
        raise OperatorError("there is no token on standard input")
    return presented


def generated_text(length: int) -> str:
    """Return *length* random letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def generated_password(policy: PasswordPolicy, login: str) -> str:
    """Return a random password that *policy* accepts for the account *login*."""
    length = max(_PASSWORD_LENGTH, policy.minimum_length)
    while policy.problems(password := generated_text(length), login):
        continue
    return password


secret_file_option = click.option(
    "--secret-file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help="File of the secret; else it is prompted for, or read from standard input.",
)
