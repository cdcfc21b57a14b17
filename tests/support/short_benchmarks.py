"""Short runs of the benchmarks."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson

from tests.architecture.source import CHECKOUT
from tests.support.command_line import clean_environment

_TIMEOUT = 240  # seconds; alone on a machine each takes about twenty


def run(benchmark: str, file: Path, *words: str) -> tuple[str, dict[str, Any]]:
    """Return what a run of *benchmark* printed, and the report it wrote into *file*; it must end well."""
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{benchmark}", "--json", str(file), *words],
        cwd=CHECKOUT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=_TIMEOUT,
    )
    assert done.returncode == 0, done
    return done.stdout, orjson.loads(file.read_bytes())
