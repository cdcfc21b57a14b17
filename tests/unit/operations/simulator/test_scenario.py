"""Scenario files: every key has its type, and every error is reported at once."""

from datetime import timedelta
from pathlib import Path

import pytest

from validator.errors import ConfigurationError, OperatorError
from validator.operations.simulator import library
from validator.operations.simulator.scenario import ALTERATIONS, TIMED_TOKENS, TOKENS, WHOSE, Step, load

WHOLE = """\
scenario: everything
about: Every key there is.
steps:
  - {name: shortest, ask: agent, expect: accepted}
  - name: whole
    ask: chat
    expect: malformed
    token: other audience
    whose: other tenant
    fields: {userId: 7, ext: [1]}
    without: [Token]
    integers: true
    bom: true
    content_type: text/plain
    times: 2
    at_once: 3
    http: "1.0"
    pieces: 4
    pause: 300ms
    within: 2s
  - {name: body, ask: agent, body: "{", hang_up: true, expect: nothing}
  - {name: guest, ask: guest, guest: stranger, origin: https://a.example, alter: scheme, expect: refused}
  - {name: query, ask: query, number: none, secret: wrong, method: GET, reuse: true, expect: refused}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file for a scenario."""
    return tmp_path / "own.yaml"


def problems(file: Path, text: str) -> list[str]:
    """Return the errors of *text*, without the file's name."""
    file.write_text(text)
    with pytest.raises(ConfigurationError) as raised:
        load(file)
    return [problem.removeprefix(f"{file}: ") for problem in raised.value.problems]


def test_every_key_is_read(file: Path) -> None:
    """What a step leaves out has its default; durations are durations."""
    file.write_text(WHOLE)

    scenario = load(file)

    assert (scenario.name, scenario.about) == ("everything", "Every key there is.")
    shortest, whole, body, guest, query = scenario.steps
    assert shortest == Step("shortest", "agent", "accepted")
    assert (shortest.token, shortest.times, shortest.within) == ("good", 1, timedelta(seconds=5))
    assert (whole.fields, whole.without) == ({"userId": 7, "ext": [1]}, ("Token",))
    assert (shortest.whose, whole.whose) == ("own", "other tenant")
    assert (whole.pause, whole.within) == (timedelta(milliseconds=300), timedelta(seconds=2))
    assert (whole.http, whole.pieces, whole.at_once, whole.times) == ("1.0", 4, 3, 2)
    assert (body.body, body.hang_up) == ("{", True)
    assert (guest.guest, guest.alter, guest.origin) == ("stranger", "scheme", "https://a.example")
    assert (query.number, query.secret, query.method, query.reuse) == ("none", "wrong", "GET", True)


def test_every_problem_is_told_at_once(file: Path) -> None:
    """A file is mended in one go; each problem names its step."""
    told = problems(
        file,
        """\
scenario: ""
abuot: x
steps:
  - {name: a, ask: agent}
  - {name: b, ask: nobody, expect: accepted, tokn: good}
  - seven
""",
    )

    assert told == [
        "abuot: unknown",
        "scenario: missing",
        "about: missing",
        "step 1: expect: missing",
        f"step 2: tokn: unknown; there is {', '.join(Step.__dataclass_fields__)}",
        "step 2: ask: 'nobody' is not allowed; allowed is agent or chat or guest or query or verify",
        "step 2: expect: 'accepted' is not allowed; allowed is ",
        "step 3: is not a table of keys",
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("token", "best"),
        ("token", "[good]"),
        ("whose", "nobody"),
        ("http", "1.0"),
        ("times", "0"),
        ("times", "1001"),
        ("times", "true"),
        ("at_once", "many"),
        ("pieces", "-1"),
        ("pause", "3"),
        ("within", "2m"),
        ("integers", "1"),
        ("bom", "maybe"),
        ("hang_up", '"yes"'),
        ("fields", "[a]"),
        ("fields", "{1: 2}"),
        ("without", "Token"),
        ("body", "7"),
        ("name", '""'),
        ("guest", "other"),
        ("alter", "everything"),
        ("origin", "[]"),
        ("origin", "https://例.example"),
        ("content_type", '"text/plain\\r\\nX-Other: 1"'),
        ("fields", "{when: 2026-01-01}"),
        ("fields", "{number: .nan}"),
        ("fields", '{text: "\\ud800"}'),
        ("body", '"\\ud800"'),
    ],
)
def test_wrong_value_is_told(file: Path, key: str, value: str) -> None:
    """A value of another type is reported with what is allowed."""
    step = {"name": "a", "ask": "agent", "expect": "accepted", key: value}
    lines = ", ".join(f"{name}: {text}" for name, text in step.items())

    (told,) = problems(file, f"scenario: a\nabout: b\nsteps:\n  - {{{lines}}}\n")

    assert told.startswith(f"step 1: {key}: ")
    assert "is not allowed; allowed is " in told


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("ask: [agent], expect: accepted", 'ask: ["agent"] is not allowed'),
        ("ask: agent, expect: accepted, alter: signature", "alter: means nothing with ask: agent"),
        ("ask: chat, expect: accepted, guest: none", "guest: means nothing with ask: chat"),
        ("ask: guest, expect: signed, token: expired", "token: means nothing with ask: guest"),
        ("ask: guest, expect: signed, whose: other", "whose: means nothing with ask: guest"),
        ("ask: query, expect: one, token: expired", "token: means nothing with ask: query"),
        ("ask: agent, expect: accepted, reuse: true", "reuse: means nothing with ask: agent"),
        ("ask: agent, expect: nothing", "expect: nothing goes with hang_up"),
        ("ask: agent, expect: accepted, hang_up: true", "expect: nothing goes with hang_up"),
    ],
)
def test_step_that_would_not_do_what_it_says_is_told(file: Path, step: str, told: str) -> None:
    """What would not be heeded is a mistake: a step that does less than it says cannot fail."""
    first, *_ = problems(file, f"scenario: a\nabout: b\nsteps:\n  - {{name: a, {step}}}\n")

    assert first.startswith(f"step 1: {told}")


@pytest.mark.parametrize(
    "text", ["", "7", "steps: []", "a: [", "a: !!python/object:os.system {}", "steps: {a: b}", "\x00"]
)
def test_what_is_no_scenario_is_told(file: Path, text: str) -> None:
    """Anything else is refused in words, and no object of Python's is made of it."""
    assert len(problems(file, text)) == 1


def test_missing_file_is_told(tmp_path: Path) -> None:
    """A missing file is reported."""
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(tmp_path / "none.yaml")


def test_shipped_scenarios_cover_what_can_be_done() -> None:
    """Every kind of token and every alteration is in some shipped scenario, and each says what it is for."""
    scenarios = library.shipped()
    steps = [step for scenario in scenarios.values() for step in scenario.steps]

    assert {step.token for step in steps} == {*TOKENS, *TIMED_TOKENS}
    assert {step.whose for step in steps} == set(WHOSE)
    assert {step.alter for step in steps} - {None} == set(ALTERATIONS)
    assert any(step.at_once == 200 for step in steps)
    for name, scenario in scenarios.items():
        names = [step.name for step in scenario.steps]
        assert len(set(names)) == len(names), name


def test_shipped_files_begin_with_a_comment() -> None:
    """Who opens a scenario reads first why it is there."""
    folder = Path(library.__file__).parent / "scenarios"

    assert [path.name for path in folder.iterdir() if not path.read_text("utf-8").startswith("# ")] == []


def test_scenarios_are_found_by_name_and_by_file(file: Path) -> None:
    """A name is a shipped one, a path is a file; nothing named is all that are shipped."""
    file.write_text(WHOLE)

    found = library.find(("good-tokens", str(file)))

    assert list(found) == ["good-tokens", str(file)]
    assert library.find(()).keys() == library.shipped().keys()


@pytest.mark.parametrize("name", ["nonsense", "../scenarios/good-tokens", "/", ""])
def test_what_is_neither_is_told(name: str) -> None:
    """An unknown name is an operator's mistake."""
    with pytest.raises(OperatorError, match="neither a shipped scenario nor a file"):
        library.find((name,))


def test_problems_of_all_files_are_told(tmp_path: Path) -> None:
    """Two broken files are reported together."""
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("7")

    with pytest.raises(ConfigurationError) as raised:
        library.find((str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")))

    assert len(raised.value.problems) == 2
