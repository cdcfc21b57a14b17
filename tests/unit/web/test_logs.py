"""The log of operations: the form of a line, what is left out, and that no message of an error gets in."""

import errno
import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from select import PIPE_BUF

import pytest
import structlog

from tests.support.fakes import START, FakeClock
from validator.web import logs
from validator.web.policy import LogPolicy

SECRET = "correct-horse-battery"
LEVELS = ("debug", "info", "warning", "error")
Configure = Callable[..., None]


@pytest.fixture
def configure(clock: FakeClock) -> Iterator[Configure]:
    """Yield what configures logging; afterwards everything is as it was."""
    root = logging.getLogger()
    names = ("", "alembic", "gunicorn.error", "gunicorn.access")
    loggers = [logging.getLogger(name) for name in names]
    before = [(one, one.handlers[:], one.level, one.propagate) for one in loggers]
    structured = structlog.get_config()

    def configure_with(level: str = "info", form: str = "json") -> None:
        logs.configure(LogPolicy(level, form), clock)

    yield configure_with
    structlog.configure(**structured)
    logs.request_log.configure(None)
    for one, handlers, level, propagate in before:
        one.handlers[:], one.propagate = handlers, propagate
        one.setLevel(level)
    assert root.handlers == before[0][1]


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return what was written to standard error, and that nothing was to standard output."""
    output, errors = capsys.readouterr()
    assert output == ""
    return errors.splitlines()


def test_line_is_one_json_object(configure: Configure, capsys: pytest.CaptureFixture[str]) -> None:
    """An event is one line on standard error, with its level and the clock's time."""
    configure()

    structlog.get_logger("test").info("request", path='/a"\nb', status=200, name="李伟")

    (line,) = lines_of(capsys)
    assert json.loads(line) == {
        "event": "request",
        "path": '/a"\nb',
        "status": 200,
        "name": "李伟",
        "level": "info",
        "time": "2026-11-04T03:45:52.263Z",
    }
    assert "李伟" in line


def test_time_is_the_clocks(
    configure: Configure, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each line has the time at which it was written."""
    configure()
    assert clock.now() == START
    log = structlog.get_logger("test")

    log.info("a")
    clock.advance(seconds=1)
    log.info("b")

    assert [json.loads(line)["time"] for line in lines_of(capsys)] == [
        "2026-11-04T03:45:52.263Z",
        "2026-11-04T03:45:53.263Z",
    ]


@pytest.mark.parametrize("level", LEVELS)
def test_lesser_levels_are_left_out(
    configure: Configure, capsys: pytest.CaptureFixture[str], level: str
) -> None:
    """From the policy's level on everything is written, below it nothing."""
    configure(level)
    log = structlog.get_logger("test")

    for name in (*LEVELS, "critical"):
        getattr(log, name)("event")

    written = [json.loads(line)["level"] for line in lines_of(capsys)]
    assert written == [*LEVELS[LEVELS.index(level) :], "critical"]


@pytest.mark.parametrize("level", LEVELS)
def test_libraries_obey_the_level_but_never_chatter(
    configure: Configure, capsys: pytest.CaptureFixture[str], level: str
) -> None:
    """The libraries' loggers have the same level; their debugging is never written: it may hold secrets."""
    configure(level)
    log = logging.getLogger("some.library")

    for name in (*LEVELS, "critical"):
        getattr(log, name)("event")

    least = max(LEVELS.index(level), LEVELS.index("info"))
    assert [json.loads(line)["level"] for line in lines_of(capsys)] == [*LEVELS[least:], "critical"]


def test_librarys_line_has_the_same_form(configure: Configure, capsys: pytest.CaptureFixture[str]) -> None:
    """A line of a library is a JSON object too, with the name of its logger and its arguments filled in."""
    configure()

    logging.getLogger("gunicorn.error").info("Listening at: %s", "http://127.0.0.1:8000")

    (line,) = lines_of(capsys)
    assert json.loads(line) == {
        "event": "Listening at: http://127.0.0.1:8000",
        "level": "info",
        "time": "2026-11-04T03:45:52.263Z",
        "logger": "gunicorn.error",
    }


@pytest.mark.parametrize("name", ["gunicorn.error", "gunicorn.access", "alembic.runtime.migration", "a"])
def test_every_logger_writes_once(
    configure: Configure, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Handlers that were there before are gone: a line is not written twice, in whatever form."""
    logging.getLogger("gunicorn.error").addHandler(logging.StreamHandler())
    logging.getLogger().addHandler(logging.StreamHandler())
    configure()
    configure()

    logging.getLogger(name).warning("once")

    assert [json.loads(line)["event"] for line in lines_of(capsys)] == ["once"]


def test_steps_of_the_schema_are_not_told(configure: Configure, capsys: pytest.CaptureFixture[str]) -> None:
    """Alembic's line about each step is not logged, unless something is wrong."""
    configure("debug")

    logging.getLogger("alembic.runtime.migration").info("Running upgrade")
    logging.getLogger("alembic.runtime.migration").warning("wrong")

    assert [json.loads(line)["event"] for line in lines_of(capsys)] == ["wrong"]


@pytest.mark.parametrize("logger", ["structlog", "logging"])
def test_console_form_is_for_people(
    configure: Configure, capsys: pytest.CaptureFixture[str], logger: str
) -> None:
    """The other form is one line too, with the event and its values, and no JSON."""
    configure(form="console")

    if logger == "structlog":
        structlog.get_logger("test").warning("request", status=200)
    else:
        logging.getLogger("test").warning("request")

    (line,) = lines_of(capsys)
    assert "request" in line
    assert "2026-11-04T03:45:52.263Z" in line
    assert "warning" in line
    assert not line.startswith("{")


def test_what_json_does_not_know_is_written_as_text(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    """A value of any type does not lose the line."""
    configure()

    structlog.get_logger("test").info("event", value={1}, error=ValueError)

    (line,) = lines_of(capsys)
    assert json.loads(line)["value"] == "{1}"


# Where an error came from


def raise_with_a_secret() -> None:
    raise ValueError(SECRET)


def error_of(act: Callable[[], None]) -> BaseException:
    with pytest.raises(ValueError, match=SECRET) as raised:
        act()
    return raised.value


def test_frames_say_where() -> None:
    """Each frame is a file, a line and a function, the outermost first."""
    frames = logs.frames(error_of(raise_with_a_secret))

    assert frames[0].endswith(" error_of")
    assert frames[-1].endswith(" raise_with_a_secret")
    file, _, line = frames[-1].removesuffix(" raise_with_a_secret").rpartition(":")
    assert file == __file__
    assert int(line) == raise_with_a_secret.__code__.co_firstlineno + 1


def raise_from_a_secret() -> None:
    try:
        raise_with_a_secret()
    except ValueError as error:
        raise ValueError(f"because of {SECRET}") from error


@pytest.mark.parametrize("act", [raise_with_a_secret, raise_from_a_secret])
def test_frames_never_have_the_message(act: Callable[[], None]) -> None:
    """Neither the message nor that of a cause, nor the source line, is in them."""
    told = "\n".join(logs.frames(error_of(act)))

    assert SECRET not in told
    assert "raise ValueError" not in told


def test_error_that_was_never_raised_has_no_frames() -> None:
    """An exception without a traceback came from nowhere."""
    assert logs.frames(ValueError(SECRET)) == []


HOSTILE = "/a\x1b[2K\x9b1A\u202e\u2028\nforged line"


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("foreign", [False, True], ids=["own", "library"])
def test_text_of_a_caller_moves_no_cursor(
    configure: Configure, capsys: pytest.CaptureFixture[str], form: str, foreign: bool
) -> None:
    """What a caller sent stays on one line, and no terminal obeys it; JSON says the same."""
    configure(form=form)

    if foreign:
        logging.getLogger("library").error("%s", HOSTILE)
    else:
        structlog.get_logger("test").info("request", path=HOSTILE)

    output = capsys.readouterr().err
    assert [each for each in output if not each.isprintable()] == ["\n"]
    if form == "json":
        assert HOSTILE in json.loads(output).values()


# The line of a request

MEMBERS = {
    "request_id": "a" * 32,
    "source": "192.0.2.1",
    "method": "POST",
    "status": 200,
    "milliseconds": 0.4,
}


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("path", ["/a", HOSTILE, '/"\\李\u2800\u202e'])
def test_line_of_a_request_is_that_of_structlog(
    configure: Configure, capsys: pytest.CaptureFixture[str], form: str, level: str, path: str
) -> None:
    """A request is logged with the bytes that structlog writes, at each level and in each form."""
    configure(level, form)
    structlog.get_logger("test").info("request", **MEMBERS, path=path)
    expected = lines_of(capsys)

    logs.request_log.info("request", **MEMBERS, path=path)

    assert lines_of(capsys) == expected
    assert len(expected) == (level in ("debug", "info"))


@pytest.mark.parametrize(("form", "calls"), [("json", 0), ("console", 1)])
def test_json_line_of_a_request_needs_no_chain(
    configure: Configure, capsys: pytest.CaptureFixture[str], form: str, calls: int
) -> None:
    """In the JSON form no processor of structlog runs for a request; in the other each of them does."""
    configure(form=form)
    ran = []

    def count(_logger: object, name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        ran.append(name)
        return event

    structlog.get_config()["processors"].insert(0, count)
    logs.request_log.info("request", **MEMBERS)

    assert len(ran) == calls
    assert len(lines_of(capsys)) == 1


class FullStream(io.StringIO):
    """A standard error on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "no space")


def test_full_log_loses_the_line_of_a_request(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    """A standard error that cannot be written fails no request."""
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", FullStream())
        configure()
        with pytest.raises(OSError, match="no space"):
            sys.stderr.write("line")

        logs.request_log.info("request", **MEMBERS)


class Writes(io.StringIO):
    """A standard error that remembers each write."""

    def __init__(self) -> None:
        super().__init__()
        self.each: list[str] = []

    def write(self, text: str) -> int:
        self.each.append(text)
        return len(text)


@pytest.mark.parametrize("path", ["/a", "/李" * 100])
def test_lines_of_a_batch_are_written_together(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """They are the lines that each has alone, in fewer writes, each of whole lines and whole to a pipe."""
    batch = [{**MEMBERS, "path": f"{path}{number}"} for number in range(40)]
    alone, together = Writes(), Writes()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", alone)
        configure()
        for members in batch:
            logs.request_log.info("request", **members)
        patched.setattr(sys, "stderr", together)
        configure()
        logs.request_log.info_each("request", batch)

    assert "".join(together.each) == "".join(alone.each)
    assert 1 < len(together.each) < len(alone.each) == len(batch)
    assert all(text.endswith("\n") and len(text.encode()) <= PIPE_BUF for text in together.each)


def test_no_lines_are_no_write(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch of which each request was given up leaves nothing in the log."""
    stream = Writes()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", stream)
        configure()
        logs.request_log.info_each("request", [])

    assert stream.each == []
