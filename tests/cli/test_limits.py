"""`limits show`: readable on 80 columns, filtered by limit and route, and the whole table on demand."""

from tests.support.command_line import CommandLine, check_refused
from validator.cli.limits_view import WIDTH


def test_view_fits_a_terminal(validator: CommandLine) -> None:
    """By default each limit is one paragraph, and no line is wider than a terminal."""
    said = validator("limits", "show")

    lines = said.out.splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert sum(line.startswith("callbacks_foreign ") for line in lines) == 1
    assert sum("thirdPartyValidate" in line for line in lines) >= 2


def test_view_says_what_the_table_says(validator: CommandLine) -> None:
    """Every limit, rate and route of the table is in the view."""
    rows = validator("limits", "show", "--json").json()
    view = " ".join(validator("limits", "show").out.split())

    for row in rows:
        assert f"{row['method']} {row['route']}" in view
        assert f"{row['rate']}, {row['mode']}" in view
        assert row["counted"] in view


def test_one_limit_is_shown(validator: CommandLine) -> None:
    """`--limit` shows one limit, and an unknown one is refused with those there are."""
    said = validator("limits", "show", "--limit", "login_address")

    heads = [line for line in said.out.splitlines() if not line.startswith(" ")]
    assert [head.split()[0] for head in heads] == ["login_address"]
    check_refused(validator("limits", "show", "--limit", "login"), "there is no limit login; there is ")


def test_routes_are_chosen(validator: CommandLine) -> None:
    """`--route` shows the limits on the routes that have a text in them; where there is none, "none"."""
    rows = validator("limits", "show", "--route", "/webchat/", "--json").json()

    assert {row["route"] for row in rows} == {"/webchat/guest", "/webchat/authorizationService"}
    assert validator("limits", "show", "--route", "/nowhere").out == "none\n"


def test_table_is_there_on_demand(validator: CommandLine) -> None:
    """`--all` prints a row for each route, method and limit."""
    rows = validator("limits", "show", "--json").json()

    assert len(validator("limits", "show", "--all").out.splitlines()) == len(rows) + 1
