"""The kinds of setting: what each takes, what it refuses, and its complaint."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError, fields

from validator.settings import fields as kind
from validator.settings import network, places

PASSWORD = "hunter2-hunter2"


def taken(field: fields.Field[Any], value: object) -> Any:
    return field.deserialize(value)


def complaint(field: fields.Field[Any], value: object) -> str:
    """Return the complaint of *field* about *value*, which it must refuse."""
    with pytest.raises(ValidationError) as refused:
        field.deserialize(value)
    return str(refused.value.messages[0])


# Durations


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("500ms", timedelta(milliseconds=500)),
        ("1s", timedelta(seconds=1)),
        ("90s", timedelta(seconds=90)),
        ("10m", timedelta(minutes=10)),
        ("8h", timedelta(hours=8)),
        ("30d", timedelta(days=30)),
        ("0s", timedelta(0)),
        ("007m", timedelta(minutes=7)),
        ("999999999ms", timedelta(milliseconds=999_999_999)),
        ("999999999d", timedelta(days=999_999_999)),
    ],
)
def test_duration_is_a_number_and_a_unit(text: str, duration: timedelta) -> None:
    """Each of the five units is read."""
    assert kind.parse_duration(text) == duration


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "10",
            "m",
            "10 m",
            " 10m",
            "10m ",
            "10m\n",
            "10M",
            "10min",
            "10us",
            "10w",
            "10y",
            "1.5h",
            "1,5h",
        ),
        *(
            "-1s",
            "+1s",
            "1h30m",
            "1_000s",
            "1e3s",
            "٣s",
            "１s",
            "10mm",
            "0x10s",
            "1234567890s",
            "PT10M",
            "∞s",
        ),
    ],
)
def test_everything_else_is_no_duration(text: str) -> None:
    """Signs, fractions, blanks, other units and other digits are refused, never guessed."""
    with pytest.raises(ValueError, match="not a duration"):
        kind.parse_duration(text)


@pytest.mark.parametrize(
    ("text", "is_allowed"),
    [
        ("999ms", False),
        ("1s", True),
        ("1000ms", True),
        ("10m", True),
        ("600s", True),
        ("601s", False),
        ("1d", False),
    ],
)
def test_duration_has_bounds(text: str, is_allowed: bool) -> None:
    """The bounds are part of what is allowed; units may be mixed."""
    field = kind.Duration("1s", "10m")

    if is_allowed:
        assert taken(field, text) == kind.parse_duration(text)
    else:
        assert complaint(field, text) == (
            f"'{text}' is not allowed; allowed is a text such as \"10m\" (units ms s m h d), 1s to 10m"
        )


@pytest.mark.parametrize("value", [10, 1.5, True, None, ["10m"], {"m": 10}, b"10m"])
def test_duration_is_a_text(value: object) -> None:
    """A number has no unit and is refused."""
    with pytest.raises(ValidationError):
        kind.Duration("0s", "1d").deserialize(value)


# Numbers, switches, words


@pytest.mark.parametrize(
    ("value", "is_allowed"), [(0, False), (1, True), (64, True), (65, False), (-1, False)]
)
def test_whole_has_bounds(value: int, is_allowed: bool) -> None:
    """Both bounds are allowed themselves."""
    field = kind.Integer(1, 64)

    if is_allowed:
        assert taken(field, value) == value
    else:
        assert complaint(field, value) == f"{value} is not allowed; allowed is a whole number from 1 to 64"


@pytest.mark.parametrize("value", ["2", 2.0, True, False, None, [2], "two"])
def test_whole_is_an_integer(value: object) -> None:
    """A text, a fraction and a switch are no number."""
    with pytest.raises(ValidationError):
        kind.Integer(0, 64).deserialize(value)


@pytest.mark.parametrize("value", [0, 1, "true", "false", "yes", "", None, [], [True]])
def test_switch_is_true_or_false(value: object) -> None:
    """Only TOML's own two values switch."""
    with pytest.raises(ValidationError):
        kind.Boolean().deserialize(value)
    assert taken(kind.Boolean(), True) is True
    assert taken(kind.Boolean(), False) is False


@pytest.mark.parametrize("value", ["", "JSON", "json ", "json\n", "jsonconsole", "json|console", "js.n", 1])
def test_choice_is_one_of_its_words(value: object) -> None:
    """Only a word as it is written, and the complaint names every one."""
    field = kind.Choice(("json", "console"))

    assert taken(field, "json") == "json"
    assert taken(field, "console") == "console"
    assert complaint(field, value).endswith('allowed is "json" or "console"')


@pytest.mark.parametrize("value", ["a\nb", "a\x00", "\x7f", "a" * 1025, 7, ["a"], True])
def test_line_is_one_line(value: object) -> None:
    """A path is one line of printable text."""
    assert "one line of text" in complaint(kind.Line(), value)


@pytest.mark.parametrize("value", ["a", "a" * 1024, "/run/päth with blanks", "日本"])
def test_line_is_taken(value: str) -> None:
    """Any printable text is; the empty one too, unless something has to be named."""
    assert taken(kind.Line(), value) == taken(kind.Line(empty=False), value) == value
    assert taken(kind.Line(), "") == ""
    assert complaint(kind.Line(empty=False), "")


@pytest.mark.parametrize(
    ("value", "is_allowed"),
    [
        ([], True),
        (["a"], True),
        (["a", "b", "a"], True),
        (["a" * 255], True),
        (["a" * 256], False),
        ([""], False),
        (["a", 7], False),
        ([["a"]], False),
        ("a", False),
        ({"a": 1}, False),
        (7, False),
    ],
)
def test_words_are_a_list_of_texts(value: object, is_allowed: bool) -> None:
    """A list of short texts, in its order; never one text taken letter by letter."""
    if is_allowed:
        assert isinstance(value, list)
        assert taken(kind.StringList(), value) == tuple(value)
    else:
        assert "a list of texts of 1 to 255 characters" in complaint(kind.StringList(), value)


# Places


@pytest.mark.parametrize(
    "origin",
    [
        "https://portal.example.com",
        "http://localhost:8000",
        "https://192.0.2.1",
        "https://[2001:db8::1]:8443",
        "https://xn--fiqs8s.example",
    ],
)
def test_origin_is_taken(origin: str) -> None:
    """Scheme, host and perhaps a port, as a browser writes them."""
    assert taken(network.Origins(), [origin]) == (origin,)


@pytest.mark.parametrize(
    "origin",
    [
        *(
            "*",
            "null",
            "",
            "portal.example.com",
            "//portal.example.com",
            "ftp://portal.example.com",
            "https://",
        ),
        *("https://portal.example.com/", "https://portal.example.com/a", "https://portal.example.com?a"),
        *("https://portal.example.com#a", "https://user@portal.example.com", "https://*.example.com"),
        *("https://Portal.example.com", "HTTPS://portal.example.com", "https://portal.example.com:443"),
        *("http://portal.example.com:80", "https://portal.example.com:", "https://portal.example.com:99999"),
        *(
            "https://portal.example.com ",
            "https://portal.example.com\n",
            "https://portal.exämple.com",
            "https://a b",
        ),
    ],
)
def test_origin_is_refused(origin: str) -> None:
    """What a browser would never send as an origin can never match, and is refused at the start."""
    assert "a list of origins such as" in complaint(network.Origins(), ["https://ok.example.com", origin])


@pytest.mark.parametrize(
    "path",
    [
        "/a",
        "/rest/cc-management/v1/thirdparty/thirdPartyValidate",
        "/a.b_c~d-e/9",
        "/...",
        "/.a",
        "/" + "a" * 254,
    ],
)
def test_url_path_is_taken(path: str) -> None:
    """Segments of unreserved characters make a path."""
    assert taken(places.UrlPath(), path) == path


@pytest.mark.parametrize(
    "path",
    [
        *(
            "",
            "/",
            "a",
            "a/b",
            "/a/",
            "//a",
            "/a//b",
            "/.",
            "/..",
            "/a/../b",
            "/a/./b",
            "/a b",
            "/a%20b",
            "/a?b",
        ),
        *("/a#b", "/a;b", "/<id>", "/{id}", "/ä", "/a\n", "/a\\b", "/a:b", "/" + "a" * 255, "https://h/a"),
        *(7, True, ["/a"]),
    ],
)
def test_url_path_is_refused(path: object) -> None:
    """Anything that a server in front could read in another way is no path."""
    assert "a path such as" in complaint(places.UrlPath(), path)


@pytest.mark.parametrize(
    "bind",
    [
        *("127.0.0.1:8000", "0.0.0.0:1", "192.0.2.1:65535", "[::1]:8000", "[::]:80", "[2001:db8::1]:8443"),
        *("unix:/run/validator/validator.sock", "unix:/a", "unix:/" + "a" * 100),
    ],
)
def test_bind_is_taken(bind: str) -> None:
    """A numeric address with a port, or an absolute path of a socket."""
    assert taken(places.Bind(), bind) == bind


@pytest.mark.parametrize(
    "bind",
    [
        *("", "8000", ":8000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:-1"),
        *(
            "127.0.0.1:http",
            "127.0.0.1: 80",
            "127.0.0.1:8000 ",
            "127.0.0.1:8000\n",
            "localhost:8000",
            "*:8000",
        ),
        *(
            "256.0.0.1:80",
            "127.1:80",
            "0127.0.0.1:80",
            "127.0.0.1:８０",
            "127.0.0.1:٣",
        ),
        *("unix:", "unix:a", "unix:/a b", "unix:/" + "a" * 101, "unix:/a\n", "UNIX:/a", "fd://3"),
        *(8000, True, ["127.0.0.1:8000"]),
    ],
)
def test_bind_is_refused(bind: object) -> None:
    """A name, an invalid port and anything else that could mean two things is refused."""
    assert '"ADDRESS:PORT" with a numeric address' in complaint(places.Bind(), bind)


@pytest.mark.parametrize(
    "bind", ["::1:8000", ":::80", "[::1:8000", "::1]:8000", "[127.0.0.1]:80", "[127.0.0.1:80", "[[::1]]:80"]
)
def test_bind_has_its_brackets(bind: str) -> None:
    """An IPv6 address stands in brackets, whole ones, and nothing else does."""
    assert '"[IPV6]:PORT"' in complaint(places.Bind(), bind)


@pytest.mark.parametrize("bind", ["[::1%lo]:80", "[fe80::1%a b]:80", "[fe80::1%\n]:80"])
def test_bind_has_no_zone(bind: str) -> None:
    """A zone, which may be any text, is no part of a numeric address."""
    assert '"[IPV6]:PORT"' in complaint(places.Bind(), bind)


@pytest.mark.parametrize(
    "url",
    [
        *("sqlite:///validator.db", "sqlite:////srv/validator.db", "postgresql+psycopg://u@h/n"),
        *(
            "postgresql+psycopg://u@h:5432/n?sslmode=verify-full",
            "postgresql+psycopg://u@/n?host=/run/postgresql",
        ),
        "postgresql+psycopg://h/n",
    ],
)
def test_database_url_is_taken(url: str) -> None:
    """SQLite with a file, or PostgreSQL with a name, as it was written."""
    assert taken(places.DatabaseUrl(), url) == url


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "validator.db",
            "sqlite",
            "sqlite:",
            "sqlite://",
            "sqlite:///",
            "mysql://u@h/n",
            "postgresql://u@h/n",
        ),
        *(
            "postgresql+psycopg2://u@h/n",
            "postgresql+asyncpg://u@h/n",
            "sqlite+aiosqlite:///a.db",
            "oracle://u@h/n",
        ),
        *("postgresql+psycopg://u@h", "postgresql+psycopg://u@h:port/n", "https://example.com/a"),
        *(7, True, ["sqlite:///a.db"], {"url": "sqlite:///a.db"}),
    ],
)
def test_database_url_is_refused(url: object) -> None:
    """Another database, another driver, or none named."""
    assert '"sqlite:///FILE" or "postgresql+psycopg://USER@HOST/NAME"' in complaint(places.DatabaseUrl(), url)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg://u:{PASSWORD}@h/n",
        f"postgresql+psycopg://u:{PASSWORD}@h:port/n",
        f"postgresql+psycopg://u@h/n?password={PASSWORD}",
        f"postgresql+psycopg://u@h/n?host=/run&password={PASSWORD}",
        f"postgresql+psycopg://u@h/n?sslpassword={PASSWORD}",
        f"mysql://u:{PASSWORD}@h/n",
        f"mysql://u@h/n?password={PASSWORD}",
        f"sqlite://u:{PASSWORD}@/a.db",
        f"sqlite:///a.db?password={PASSWORD}",
        f"postgresql+psycopg//u:{PASSWORD}@h/n",
    ],
)
def test_password_in_a_url_is_refused_and_not_printed(url: str) -> None:
    """A password belongs in its file; the complaint about it does not show it to the log."""
    said = complaint(places.DatabaseUrl(), url)

    assert PASSWORD not in said
    assert "the password in password_file" in said


def test_empty_password_in_a_url_is_refused() -> None:
    """Not even an empty one is allowed: it would win over the file."""
    assert "has a password in it" in complaint(places.DatabaseUrl(), "postgresql+psycopg://u:@h/n")


# From the environment


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        (kind.Integer(1, 64), "4", 4),
        (kind.Integer(1, 64), "0x10", 16),
        (kind.Integer(1, 64), "four", "four"),
        (kind.Integer(1, 64), "", ""),
        (kind.Boolean(), "true", True),
        (kind.Boolean(), "True", "True"),
        (kind.StringList(), '["a", "b"]', ["a", "b"]),
        (kind.StringList(), "a,b", ["a", "b"]),
        (kind.StringList(), " a , b,", ["a", "b"]),
        (kind.StringList(), "203.0.113.0/24", ["203.0.113.0/24"]),
        (kind.StringList(), "true", ["true"]),
        (kind.StringList(), "", []),
        (kind.StringList(), '["a"', '["a"'),
        (
            network.Origins(),
            "https://a.example,https://b.example",
            ["https://a.example", "https://b.example"],
        ),
        (network.Origins(), '["https://a.example"]', ["https://a.example"]),
        (kind.Duration("0s", "1d"), "10m", "10m"),
        (kind.Duration("0s", "1d"), "10", "10"),
        (kind.Line(), "4", "4"),
        (kind.Line(), "true", "true"),
        (kind.Choice(("a",)), '"a"', '"a"'),
        (places.UrlPath(), "/a", "/a"),
    ],
)
def test_environment_is_read_by_the_kind(field: fields.Field[Any], text: str, value: object) -> None:
    """Numbers and switches are as in TOML, lists too or with commas; every other kind is a text as it is."""
    assert kind.from_text(field, text) == value


EVERY_KIND = [
    kind.Integer(1, 64),
    kind.Boolean(),
    kind.Pattern("[a-z]+", "letters"),
    kind.Line(),
    kind.Choice(("a", "b")),
    kind.StringList(),
    network.Origins(),
    kind.Duration("1s", "1d"),
    places.UrlPath(),
    places.Bind(),
    places.DatabaseUrl(),
]
PIECES = [
    "[",
    "]",
    "{",
    "}",
    "=",
    '"',
    "'",
    "\n",
    "#",
    ",",
    "1",
    "0x",
    "e",
    "a",
    ":",
    "/",
    "@",
    "%",
    "2020-01-01",
]
TEXTS = st.text() | st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


@pytest.mark.slow
@pytest.mark.parametrize("field", EVERY_KIND, ids=lambda field: type(field).__name__)
@given(text=TEXTS)
def test_any_text_of_the_environment_is_taken_or_refused(field: fields.Field[Any], text: str) -> None:
    """No text of the environment makes a kind raise anything but its complaint."""
    with suppress(ValidationError):
        field.deserialize(kind.from_text(field, text))


CONTRIVED = {
    "deep list": "[" * 5000,
    "deep table": "{a=" * 2000,
    "many digits": "9" * 5000,
    "many hexadecimal digits": "0x" + "f" * 5000,
    "long text": '["' + "a" * 5000 + '"]',
}


@pytest.mark.parametrize("name", CONTRIVED)
def test_contrived_text_is_taken_or_refused(name: str) -> None:
    """Neither does a number of thousands of digits, nor brackets nested thousands deep."""
    for field in EVERY_KIND:
        with suppress(ValidationError):
            field.deserialize(kind.from_text(field, CONTRIVED[name]))


VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats() | TEXTS | st.dates() | st.datetimes() | st.times(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("field", EVERY_KIND, ids=lambda field: type(field).__name__)
@given(value=VALUES)
def test_any_value_is_taken_or_refused(field: fields.Field[Any], value: object) -> None:
    """No value that TOML can spell makes a kind raise anything but its complaint."""
    with suppress(ValidationError):
        field.deserialize(value)


def test_enormous_number_is_refused() -> None:
    """A number that Python refuses to print, as `0xff…` may spell one, is refused like any other."""
    for field in EVERY_KIND:
        with pytest.raises(ValidationError):
            field.deserialize(16**5000)


def test_enormous_port_is_refused() -> None:
    """A port of thousands of digits is refused like any other that is too large."""
    with pytest.raises(ValidationError):
        places.Bind().deserialize("127.0.0.1:" + "1" * 5000)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://cloud.example.com",
        "https://cloud.example.com:8443",
        "https://192.0.2.1",
        "http://127.0.0.1:9000",
        "http://127.9.9.9",
        "http://[::1]:9000",
    ],
)
def test_cloud_is_taken(url: str) -> None:
    """The cloud is an origin with TLS, or without it on this very host; or there is none."""
    assert taken(network.CloudUrl(empty=True), url) == url


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://cloud.example.com",
            "http://192.0.2.1",
            "http://localhost:9000",
            "http://127.0.0.1.example.com",
        ),
        *("https://cloud.example.com/", "https://cloud.example.com/api", "https://", "cloud.example.com"),
        *("https://key:secret@cloud.example.com", "https://cloud.example.com?key=secret", "ftp://127.0.0.1"),
        *("HTTPS://cloud.example.com", "https://cloud.example.com\n", b"", 7, ["https://cloud.example.com"]),
    ],
    ids=repr,
)
def test_other_cloud_is_refused(url: object) -> None:
    """A secret goes there: never in the clear over a network, and with no path, name or password in it."""
    shown = complaint(network.CloudUrl(empty=True), url)

    assert 'an origin such as "https://cloud.example.com"' in shown
    assert "secret" not in shown


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://crm.example.com/",
        "https://crm.example.com:8443/customers/find",
        "http://127.0.0.1:9000/a-b_c~d.e/%20",
        "http://[::1]/",
    ],
)
def test_system_is_taken(url: str) -> None:
    """A system has a URL with TLS, or without it on this very host; or there is none."""
    assert taken(network.SystemUrl(empty=True), url) == url


@pytest.mark.parametrize(
    "url",
    [
        *("http://crm.example.com/", "http://localhost/", "http://127.0.0.1.example.com/"),
        *("https://crm.example.com", "https://", "crm.example.com/", "https:///find", "ftp://127.0.0.1/"),
        *("https://crm:secret@crm.example.com/", "https://crm.example.com/?key=secret"),
        *("https://crm.example.com/#secret", "https://crm.example.com/\n", "https://crm.example.com/a b"),
        *("https://crm.example.com\\@127.0.0.1/", b"", 7, ["https://crm.example.com/"]),
    ],
    ids=repr,
)
def test_other_system_is_refused(url: object) -> None:
    """A secret goes there: never in the clear over a network, and nothing that may be a secret is quoted."""
    shown = complaint(network.SystemUrl(empty=True), url)

    assert 'a URL such as "https://crm.example.com/customers/find"' in shown
    assert "secret" not in shown


@pytest.mark.parametrize(
    ("scheme", "url"),
    [
        ("https", ""),
        ("https", "https://centre.example.com/dist/ctibar.js"),
        ("https", "https://127.0.0.1:8443/ctibar.js"),
        ("wss", "wss://centre.example.com/ws"),
        ("wss", "wss://[2001:db8::7]:8443/ws"),
    ],
)
def test_url_over_tls_is_taken(scheme: str, url: str) -> None:
    """A URL of the scheme, with a path."""
    assert taken(network.TlsUrl(scheme, "/ws", empty=True), url) == url


@pytest.mark.parametrize(
    ("scheme", "url"),
    [
        ("https", "http://centre.example.com/dist/ctibar.js"),
        ("https", "http://127.0.0.1/ctibar.js"),
        ("https", "wss://centre.example.com/ctibar.js"),
        ("wss", "ws://centre.example.com/ws"),
        ("wss", "ws://127.0.0.1/ws"),
        ("wss", "https://centre.example.com/ws"),
        ("wss", "wss://user:secret@centre.example.com/ws"),
        ("wss", "wss://centre.example.com/ws?token=secret"),
        ("wss", "wss://centre.example.com/ws#secret"),
        ("wss", "wss:///ws"),
        ("wss", 7),
    ],
)
def test_url_without_tls_is_refused(scheme: str, url: object) -> None:
    """Nothing in plain text, not even on this host: browsers refuse it in a page over TLS."""
    shown = complaint(network.TlsUrl(scheme, "/ws", empty=True), url)

    assert f'a URL such as "{scheme}://centre.example.com/ws"' in shown
    assert "secret" not in shown
