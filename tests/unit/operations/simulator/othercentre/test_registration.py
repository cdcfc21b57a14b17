"""What the other centre knows: each of its problems is named, and no secret."""

from pathlib import Path

import pytest

from tests.unit.operations.simulator.othercentre.conftest import PASSWORD
from validator.errors import ConfigurationError
from validator.files import write_private
from validator.operations.simulator.othercentre.registration import load

AGENT = """
[[agents]]
username = "centre-7"
password_file = "centre-7.md5"
nickname = "Chen Yu"
ext_no = "1001"
id = 7
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a registration with one agent."""
    write_private(tmp_path / "centre-7.md5", f"{PASSWORD}\n".encode())
    file = tmp_path / "centre.toml"
    file.write_text(AGENT)
    return file


def test_defaults(file: Path) -> None:
    """Agents are all that is needed."""
    centre = load(file)

    assert (centre.agents["centre-7"].password, centre.single_login, centre.renews) == (PASSWORD, True, False)
    assert centre.receiver is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (AGENT + AGENT, "ext_no is there twice"),
        (AGENT.replace("1001", "10a"), "[[agents]] 1: ext_no: "),
        (AGENT + '[push]\nurl_file = "push.url"\n', "[push]: certificate: "),
        (AGENT + "[centre]\nrenew = true\n", "[centre]: renew: "),
        (AGENT + "[other]\n", "other: unknown"),
        (AGENT.replace("centre-7.md5", "none.md5"), "none.md5: cannot be read"),
    ],
)
def test_problem_is_named(file: Path, text: str, problem: str) -> None:
    """A registration is refused as a whole."""
    file.write_text(text)

    with pytest.raises(ConfigurationError) as refused:
        load(file)

    assert any(problem in each for each in refused.value.problems)


def test_password_itself_is_refused(file: Path) -> None:
    """The file has the MD5; what else it has is not shown."""
    write_private(file.parent / "centre-7.md5", b"three calm valleys")

    with pytest.raises(ConfigurationError) as refused:
        load(file)

    assert refused.value.problems == [f"{file}: centre-7.md5: is not an MD5 in lower-case hex"]
