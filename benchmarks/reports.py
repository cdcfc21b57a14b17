"""The report of a benchmark: the options of every one, its figures as JSON, its tables as Markdown."""

from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson

from validator.web.policy import WORKERS


def options(benchmark: str, *, quick: str = "", with_worker: bool = False) -> ArgumentParser:
    """Return the words that *benchmark* takes; *quick* says what is different then, "" that there is none.

    With *with_worker* one of them chooses the worker of the callbacks' servers.
    """
    parser = ArgumentParser(prog=f"python -m benchmarks.{benchmark}")
    if quick:
        parser.add_argument("--quick", action="store_true", help=quick)
    if with_worker:
        parser.add_argument("--worker", choices=WORKERS, default=WORKERS[0], help="of the callbacks' server")
    parser.add_argument("--json", type=Path, help="write every figure into this file")
    return parser


def write(file: Path | None, report: dict[str, Any]) -> None:
    """Write *report* into *file*, if there shall be one."""
    if file:
        file.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def markdown(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown; every column but the first is of figures."""
    ruled = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in (head, ruled, *rows))
