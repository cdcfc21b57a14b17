"""Who typed a command: the login, else what the wrapper hands over, else the process's user."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.architecture.source import CHECKOUT
from tests.support.command_line import TENANT, CommandLine, clean_environment, source
from validator.cli.operators import login_uid, named

ROOT, SERVICE, PERSON = 0, 971, 4242
NOBODY = 65534


@pytest.mark.parametrize(
    ("logged_in", "uid", "handed_over", "label", "complains"),
    [
        (NOBODY, SERVICE, None, "operator:nobody (as 971)", False),
        (NOBODY, ROOT, "li.wei", "operator:nobody (as root)", False),
        (ROOT, ROOT, None, "operator:root", False),
        (None, SERVICE, "li.wei", "operator:li.wei (as 971)", False),
        (None, SERVICE, "EXAMPLE\\li.wei", "operator:EXAMPLE\\li.wei (as 971)", False),
        (None, SERVICE, "root", "operator:root (as 971)", True),
        (None, ROOT, "root", "operator:root", True),
        (None, ROOT, None, "operator:root", True),
        (None, SERVICE, None, "operator:971", True),
        (None, SERVICE, "", "operator:971", True),
        (None, PERSON, None, "operator:4242", False),
        (None, PERSON, "4242", "operator:4242", False),
        (None, SERVICE, "li.wei by=root", "operator:971", True),
        (None, SERVICE, "li\nwei", "operator:971", True),
        (None, PERSON, "li\x1bwei", "operator:4242", True),
        (None, SERVICE, "a" * 65, "operator:971", True),
    ],
)
def test_operator_is_named(
    logged_in: int | None, uid: int, handed_over: str | None, label: str, complains: bool
) -> None:
    """The login wins over a claim, a claim over the process's user; without a person there is a complaint."""
    found = named(logged_in, uid, handed_over)

    assert (found.label, found.complaint is not None) == (label, complains)


@pytest.mark.parametrize(
    ("content", "uid"),
    [("1000", 1000), ("0", 0), ("4294967295", None), ("", None), ("x", None), (None, None)],
)
def test_login_uid_is_the_kernels(tmp_path: Path, content: str | None, uid: int | None) -> None:
    """The kernel's word for "nobody logged in" is no uid; neither is a file that is missing."""
    file = tmp_path / "loginuid"
    if content is not None:
        file.write_text(content)

    assert login_uid(file) == uid


@pytest.mark.skipif(login_uid() is not None, reason="the kernel names who logged in, which wins")
def test_trail_names_who_is_handed_over(validator: CommandLine) -> None:
    """Each change has the person's name beside the user that the process runs as."""
    validator.did("tenants", "disable", TENANT)

    entry = validator.last()
    assert entry["by"] == f"operator:tester (as {source().removeprefix('user:')})"
    assert entry["source"] == source()


@pytest.mark.skipif(login_uid() is not None or os.getuid() >= 1000, reason="somebody is named here")
def test_nobody_named_is_noticed_once(validator: CommandLine) -> None:
    """A change that names no person says so, once, on standard error; reading says nothing."""
    nobody = {"VALIDATOR_OPERATOR": ""}

    changed = validator("tenants", "disable", TENANT, variables=nobody)
    read = validator("tenants", "list", variables=nobody)

    assert changed.err.count("notice: ") == 1
    assert "VALIDATOR_OPERATOR" in changed.err
    assert read.err == ""


def test_wrapper_hands_the_person_over() -> None:
    """`validator` of an installed server hands over who called sudo, else who logged in."""
    script = (CHECKOUT / "deploy" / "validator.sh").read_text("utf-8")
    lines = [line for line in script.splitlines() if "VALIDATOR_OPERATOR" in line]
    assert lines

    names = []
    for variables in ({"SUDO_USER": "li.wei"}, {}):
        text = "logname() { echo zhang.min; }\n" + "\n".join(lines) + '\nprintf %s "$VALIDATOR_OPERATOR"'
        names.append(_sh(text, variables))

    assert names == ["li.wei", "zhang.min"]
    assert re.search(r"^ *validator\) exec ", script, re.MULTILINE)  # which keeps the environment


def _sh(text: str, variables: dict[str, str]) -> str:
    environment = {name: word for name, word in clean_environment().items() if name != "SUDO_USER"}
    command = ["sh", "-euc", text]
    done = subprocess.run(command, env=environment | variables, capture_output=True, text=True, check=True)
    return done.stdout
