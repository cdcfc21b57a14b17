"""The pages match the program: their numbers are the defaults, and their tests and links exist."""

import re
import tomllib
from collections.abc import Iterator

import pytest

from tests.architecture.source import CHECKOUT
from validator.errors import PublicError
from validator.limits.shares import RATED, SHARES
from validator.settings.places import SecretFile
from validator.settings.sections import KEYS, SECTIONS

NUMBER = re.compile(
    r"^\| [^|]+ \| `(?P<key>\w+\.\w+)` \| (?P<value>[^|]+?) \| (?P<tests>[^|]+?) \|$", re.MULTILINE
)


def page(name: str) -> str:
    """Return the text of the page *name*."""
    return (CHECKOUT / name).read_text("utf-8")


def numbers() -> Iterator[tuple[str, str, list[str]]]:
    """Yield each number of the security page: its setting, its value, and its tests."""
    for row in NUMBER.finditer(page("docs/security.md")):
        yield row["key"], row["value"], row["tests"].split(", ")


def default(key: str) -> str:
    """Return the default of the setting *key* as it is written."""
    section, name = key.split(".")
    return str(tomllib.loads(page("config/default.toml"))[section][name])


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, value, _ in numbers()])
def test_number_of_the_security_page_is_the_default(key: str, value: str) -> None:
    """Each number on the security page is the default of its setting."""
    assert value == default(key)


def test_every_limit_is_on_the_security_page() -> None:
    """The security page has every limit and every number of the lockout."""
    told = {key for key, _, _ in numbers()}
    settings = tomllib.loads(page("config/default.toml"))
    lockout = set(settings["lockout"]) - {"enabled", "reset_after"}

    limits = {*RATED, *(share.percent for share in SHARES.values())}

    assert told >= {f"limits.{name}" for name in limits} | {f"lockout.{name}" for name in lockout}


@pytest.mark.parametrize("name", ["docs/coverage.md", "docs/security.md", "docs/findings.md"])
def test_tests_named_on_a_page_exist(name: str) -> None:
    """Each test that the page names exists."""
    named = set(re.findall(r"tests/[\w/]+\.py", page(name)))

    assert named
    assert {name for name in named if not (CHECKOUT / name).is_file()} == set()


def test_files_on_the_map_of_the_code_are_there() -> None:
    """Each file and folder that the contributors' page names with its path exists."""
    named = set(re.findall(r"`((?:validator|tests|config|nginx)/[\w/.]*)`", page("docs/contributing.md")))

    assert len(named) > 12
    assert {name for name in named if not (CHECKOUT / name).exists()} == set()


def test_both_readmes_have_the_same_blocks_and_links() -> None:
    """The Chinese README has the English one's commands and links."""
    both = [page("README.md"), page("README.zh-CN.md")]

    commands = [[re.sub(r"\s*#.*", "", line) for line in _fenced(text)] for text in both]
    links = [set(re.findall(r"\]\((docs/[^)]+|CHANGELOG.md|LICENSE)\)", text)) for text in both]

    assert commands[0] == commands[1]
    assert links[0] == links[1]


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_readme_ends_with_every_runtime_dependency(name: str) -> None:
    """The last section of the README names each package that an installation needs."""
    project = tomllib.loads(page("pyproject.toml"))["project"]
    needed = {re.split(r"[>=\[]", each)[0] for each in project["dependencies"]}

    last = page(name).rpartition("\n## ")[2].lower()

    assert {each for each in needed if each not in last} == set()


def test_every_page_is_linked_from_the_readme() -> None:
    """The README links to every page."""
    pages = {f"docs/{path.name}" for path in (CHECKOUT / "docs").glob("*.md")}

    assert pages == set(re.findall(r"\]\((docs/[^)#]+)", page("README.md")))


PAGES = ("*.md", "docs/*.md", "deploy/*.md", "benchmarks/*.md")


@pytest.mark.parametrize(
    "name", sorted(str(p.relative_to(CHECKOUT)) for g in PAGES for p in CHECKOUT.glob(g))
)
def test_links_of_a_page_lead_to_pages_and_headings(name: str) -> None:
    """Each link to a file or heading finds its target."""
    links = re.findall(r"\]\(((?!https?:|mailto:)[^)#\s]*)(?:#([^)]*))?\)", page(name))

    lost = [f"{path}#{heading}" for path, heading in links if not _leads_somewhere(name, path, heading)]

    assert lost == []


def _leads_somewhere(name: str, path: str, heading: str) -> bool:
    """Return whether *path*, linked from the page *name*, exists and has *heading*, if given."""
    target = (CHECKOUT / name).parent / path if path else CHECKOUT / name
    return target.exists() and (not heading or heading in _anchors(target.read_text("utf-8")))


def _anchors(text: str) -> set[str]:
    """Return the headings of *text* as GitHub's anchors."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _fenced(text: str) -> list[str]:
    return [
        line for block in re.findall(r"^```\w+\n(.*?)^```", text, re.M | re.S) for line in block.splitlines()
    ]


def test_every_problem_is_on_the_protocol_page() -> None:
    """The table of problems has each type with its status and title."""
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \| ([^|]+?) \|", page("docs/protocol.md"), re.MULTILINE)
    answers = {
        (answer.name.lower().replace("_", "-"), str(answer.value.status), answer.value.title)
        for answer in PublicError
    }

    assert {tuple(row) for row in rows} == answers


def test_every_finding_has_its_state() -> None:
    """Each row of the findings has a state, and one without a test says that it is not done here."""
    rows = re.findall(
        r"^\| (\S+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", page("docs/findings.md"), re.MULTILINE
    )
    found = [row for row in rows if row[0] not in ("finding", "---")]

    assert len(found) > 100
    assert [
        row[0] for row in found if row[3] == "–" and not row[2].startswith(("Not done here", "Decided"))
    ] == []


CREDENTIALS = ("docs/credentials.md", "docs/credentials.zh-CN.md")


def credential_settings() -> dict[str, str]:
    """Return each setting of a secret or of a trusted authority, and the name of its systemd credential."""
    found = {}
    for section, schema in SECTIONS.items():
        for key, field in schema.fields.items():
            if isinstance(field, SecretFile):
                found[f"{section}.{key}"] = field.secret
            elif key.endswith(("certificate_key", "ca_file", "_ca")):
                found[f"{section}.{key}"] = ""
    return found


@pytest.mark.parametrize("name", CREDENTIALS)
def test_credentials_page_has_every_secret(name: str) -> None:
    """Each setting of a secret, and the name of its credential, is on the page of credentials."""
    told = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", page(name)))
    needed = {word for pair in credential_settings().items() for word in pair if word}

    assert len(needed) > 15
    assert needed - told == set(), "add a row for these"


@pytest.mark.parametrize("name", CREDENTIALS)
def test_credentials_page_names_only_settings(name: str) -> None:
    """Each setting and each credential that the page names exists."""
    sections = "|".join(SECTIONS)
    told = set(re.findall(rf"`((?:{sections})\.[a-z_]+)[`:]", page(name)))

    assert told - {*KEYS, *credential_settings().values()} == set()


def test_wrong_credential_setting_is_found() -> None:
    """The control: the settings have no such key, and every kind of secret is among them."""
    assert "cloud.secret_file" not in {*KEYS, *credential_settings().values()}
    assert {"cloud.secret_key_file", "query_customer.secrets_file", "proxy.certificate_key"} <= set(
        credential_settings()
    )


def test_pages_of_the_examples_have_the_same_commands() -> None:
    """The Chinese page of the examples has the English one's commands, files and settings."""
    both = [page("docs/issue-tokens.md"), page("docs/issue-tokens.zh-CN.md")]

    commands = [
        re.findall(r"^\$ .*|^\| [^|]*(\| \[.*examples/.*)|^\| (`VALIDATOR_\w+`)", text, re.M) for text in both
    ]

    assert commands[0] == commands[1]
    assert len(commands[0]) == 5 + 7 + 4
