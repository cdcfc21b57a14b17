"""A newer version of this program for a test: a copy of the checkout, with one more step of the schema."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.architecture.source import CHECKOUT
from tests.support.command_line import clean_environment
from validator.store import schema

_NEEDED = ("validator", "config", "nginx")
_STEPS = "validator/store/migrations/versions"
# What most steps do: a column and a table more, and the column filled from what is there.
_STEP = '''"""Something new of every account."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"


def upgrade() -> None:
    """Add a column and fill it; add a table."""
    op.add_column("accounts", sa.Column("new_{revision}", sa.String(64)))
    op.execute("UPDATE accounts SET new_{revision} = user_name")
    op.create_table("new_{revision}", sa.Column("id", sa.String(32), primary_key=True))
'''


def newer(folder: Path, by: int) -> Path:
    """Make in *folder* a version whose schema is *by* steps newer than the checkout's; return its folder."""
    made = folder / f"version-{by}"
    for name in _NEEDED:
        shutil.copytree(CHECKOUT / name, made / name, ignore=shutil.ignore_patterns("__pycache__"))
    before = schema.newest()
    for number in range(by):
        revision = f"{int(schema.newest()) + number + 1:04}"
        (made / _STEPS / f"{revision}_new.py").write_text(_STEP.format(revision=revision, before=before))
        before = revision
    return made


def environment_of(version: Path | None) -> dict[str, str]:
    """Return the environment in which Python finds that version; None is the checkout's."""
    return clean_environment() | ({} if version is None else {"PYTHONPATH": str(version)})


def run(version: Path, home: Path, *words: str) -> str:
    """Run a command of that version on *home*, which must end well; return what it printed."""
    command = [sys.executable, "-P", "-m", "validator", *words]
    environment = {**environment_of(version), "VALIDATOR_HOME": str(home)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done
    return done.stdout
