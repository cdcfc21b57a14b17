"""The page of basic tables: a template, an upload, and the import list, for this host only."""

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.fakes import TENANT, FakeClock
from tests.unit.operations.simulator.conftest import FakeCallback
from validator.operations.simulator.cloud import create_cloud
from validator.operations.simulator.importing import MAX_FILE
from validator.operations.simulator.registration import BasicTable, Column, Registration
from validator.operations.simulator.tablepages import WORDS

COLUMNS = (
    Column("手机号", "index", "string", 16, (), required=False),
    Column("等级", "ordinary", "dictionary", 8, ("<b>", "gold"), required=True),
)
TABLE = BasicTable(TENANT, "客户", "utf-8", COLUMNS)
HEADER = "手机号,等级\r\n"
PLACE = "/tables/客户"

Browser = Callable[..., FlaskClient]


@pytest.fixture
def browser(registration: Registration, callback: FakeCallback, clock: FakeClock) -> Browser:
    """Return what makes a browser before a cloud with one table, or with others."""

    def make(tables: Sequence[BasicTable] = (TABLE,)) -> FlaskClient:
        known = replace(registration, tables={table.name: table for table in tables})
        return create_cloud(known, callback, clock).test_client()

    return make


def upload(client: FlaskClient, rows: str, name: str = "客户.csv", query: str = "") -> TestResponse:
    data = {"file": (io.BytesIO((HEADER + rows).encode()), name)}
    return client.post(f"{PLACE}/imports{query}", data=data, content_type="multipart/form-data")


def test_template_is_downloaded(browser: Browser) -> None:
    """The template is a file with the table's name."""
    answer = browser().get(f"{PLACE}/template.csv")

    assert (answer.status_code, answer.mimetype, answer.data) == (200, "text/csv", HEADER.encode())
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''%E5%AE%A2%E6%88%B7.csv"


def test_import_is_listed(browser: Browser, clock: FakeClock) -> None:
    """An uploaded file is in the list with its errors, the newest first; its values are not."""
    client = browser()

    upload(client, "110,gold\r\n120,secret\r\n")
    answer = upload(client, "", "a-b.csv")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/tables?lang=en")
    newest, older = client.get("/tables.json").get_json()
    assert "the name is not" in newest["refused"]
    assert (older["file"], older["table"], older["rows"], older["accepted"]) == ("客户.csv", "客户", 2, 1)
    assert older["errors"] == ["row 2: column 等级: is not a value of the dictionary"]
    page = client.get("/tables").text
    assert "1 of 2 rows imported" in page
    assert "row 2: column 等级" in page
    assert "secret" not in page


@pytest.mark.parametrize("language", sorted(WORDS))
def test_page_is_in_both_languages(browser: Browser, language: str) -> None:
    """The page has every word in its language, each form has its language, and no text becomes markup."""
    client = browser()
    upload(client, "110,gold\r\n", '"><i>{{hint}}.csv', f"?lang={language}")

    answer = client.get(f"/tables?lang={language}")

    assert f'<html lang="{language}">' in answer.text
    assert WORDS[language]["hint"] in answer.text
    assert f"/imports?lang={language}" in answer.text
    assert "&lt;b&gt;" in answer.text
    assert re.findall(r"<[bi]>\{|<i>|<b>, gold", answer.text) == []
    assert answer.text.count(WORDS[language]["hint"]) == 1
    assert "form-action 'self'" in answer.headers["Content-Security-Policy"]


def test_page_without_tables_says_so(browser: Browser) -> None:
    """Without registered tables the page says what to add; there is nothing to import into."""
    client = browser(())

    assert WORDS["en"]["no_tables"] in client.get("/tables").text
    assert (upload(client, "").status_code, client.get(f"{PLACE}/template.csv").status_code) == (404, 404)


def test_upload_without_a_file_is_refused(browser: Browser) -> None:
    """A form without a file, and a body larger than any file may be, change nothing; a large file is read."""
    client = browser()
    place, form = f"{PLACE}/imports", "multipart/form-data; boundary=x"
    too_long = {"CONTENT_LENGTH": str(MAX_FILE + 100_000)}

    assert client.post(place).status_code == 400
    assert client.post(place, content_type=form, environ_overrides=too_long).status_code == 413
    assert client.get("/tables.json").get_json() == []

    assert upload(client, "110,gold\r\n" * 10_000).status_code == 303
    assert client.get("/tables.json").get_json()[0]["repeated"] == 9_999


@pytest.mark.parametrize("path", ["/tables", "/tables.json", f"{PLACE}/template.csv"])
def test_tables_are_for_this_host_only(browser: Browser, path: str) -> None:
    """Another host gets the cloud's 404; this one gets the page."""
    client = browser()

    away = client.get(path, environ_overrides={"REMOTE_ADDR": "203.0.113.9"})

    assert (away.status_code, client.get(path).status_code) == (404, 200)
