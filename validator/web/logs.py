"""The log of operations: one JSON line an event on standard error, or a line for people."""

import io
import logging
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from select import PIPE_BUF
from typing import Any, TextIO, cast

import orjson
import structlog
from gunicorn import glogging

from validator.clock import Clock, SystemClock, iso_milliseconds
from validator.escaping import escaped
from validator.web.policy import LogPolicy


def configure(policy: LogPolicy, clock: Clock) -> None:
    """Send this process's log lines, and those of gunicorn and the libraries, where *policy* says."""

    def stamp(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["time"] = iso_milliseconds(clock.now())
        return event

    level = logging.getLevelNamesMapping()[policy.level.upper()]
    shared: list[structlog.typing.Processor] = [structlog.processors.add_log_level, stamp]
    structlog.configure(
        processors=[*shared, *_rendering(policy.format)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # Not a PrintLogger, which writes a line and its end apart: threads and workers would mix them.
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Unfailing(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(policy.format)],
    )
    _redirect_standard_logging(formatter, level)
    is_direct = policy.format == "json" and level <= logging.INFO
    request_log.configure(clock if is_direct else None)


class _Unfailing(io.TextIOBase):
    """A stream that harms no request when it is full or closed: the record is the trail, not the log."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write *text*, or lose it."""
        try:
            self._stream.write(text)
        except (OSError, ValueError):
            return 0
        return len(text)

    def flush(self) -> None:
        """Flush, or lose what was not."""
        with suppress(OSError, ValueError):
            self._stream.flush()


class RequestLog:
    """Logs the line of each request: in the JSON form with structlog's bytes, without its chain of calls."""

    def __init__(self) -> None:
        self.configure(None)

    def configure(self, clock: Clock | None) -> None:
        """Write JSON lines with the time of *clock*; None: leave the lines to structlog."""
        self._log = structlog.get_logger("validator.access")
        self._clock, self._stream = clock, _Unfailing(sys.stderr)

    def info(self, event: str, **members: Any) -> None:
        """Log *event* with its *members*."""
        self.info_each(event, (members,))

    def info_each(self, event: str, lines: Iterable[dict[str, Any]]) -> None:
        """Log *event* for the members of each of *lines*."""
        if self._clock is None:
            for members in lines:
                self._log.info(event, **members)
            return
        common = {"event": event, "level": "info", "time": iso_milliseconds(self._clock.now())}
        for content in _in_writes(_json(members | common) + "\n" for members in lines):
            self._stream.write(content)  # standard error is flushed with each line


request_log = RequestLog()


def _in_writes(lines: Iterable[str]) -> Iterator[str]:
    """Yield *lines* in as few writes as a pipe takes whole: no line of another worker parts one of them."""
    content, size = "", 0
    for line in lines:
        length = len(line.encode("utf-8", "surrogatepass"))
        if content and size + length > PIPE_BUF:
            yield content
            content, size = "", 0
        content, size = content + line, size + length
    if content:
        yield content


def gunicorn_logger(policy: LogPolicy) -> type[Any]:
    """Return a `logger_class` for gunicorn whose lines go where *policy* says, in the validator's form."""

    class Logger(glogging.Logger):  # type: ignore[misc]  # gunicorn has no types
        def setup(self, cfg: Any) -> None:
            super().setup(cfg)
            configure(policy, SystemClock())

    return Logger


def frames(error: BaseException) -> list[str]:
    """Return where *error* came from, as `file:line function`; its message may hold a secret."""
    return [
        f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
    ]


def _rendering(form: str) -> list[structlog.typing.Processor]:
    """Return what turns an event into a line; text that a caller sent moves no terminal's cursor."""
    if form == "console":
        # Never rich's traceback, which prints local variables, secrets among them.
        console = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            exception_formatter=structlog.dev.plain_traceback,
            timestamp_key="time",
        )
        return [_escape, console]
    return [structlog.processors.JSONRenderer(_json)]


def _json(event: Mapping[str, Any], **_: object) -> str:
    return escaped(orjson.dumps(event, default=str).decode())


def _escape(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Escape the texts of an event, but for a traceback, which has several lines."""
    return {
        name: escaped(value) if isinstance(value, str) and name not in ("exception", "stack") else value
        for name, value in event.items()
    }


def _redirect_standard_logging(formatter: logging.Formatter, level: int) -> None:
    handler = logging.StreamHandler(_Unfailing(sys.stderr))
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.INFO))
    for library in ("alembic", "httpx2"):  # their lines about each step or request are of no use here
        logging.getLogger(library).setLevel(max(level, logging.WARNING))
    for name in ("gunicorn.error", "gunicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
