"""Settings: where they come from, which wins, and everything that stops the server from starting."""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import FrozenInstanceError, fields
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from validator.errors import ConfigurationError
from validator.settings.environment import export
from validator.settings.loading import DEFAULT_HOME, DEFAULTS, Settings, load
from validator.settings.sections import KEYS, SECTIONS
from validator.settings.sources import CONFIG_VARIABLE, HOME_VARIABLE, PREFIX, environment_variable
from validator.shipped import shipped

SECRET = "correct-horse-battery"
Loader = Callable[..., Settings]


@pytest.fixture
def loaded(tmp_path: Path) -> Loader:
    """Return what loads settings from a file's *text* and from variables, in a home of the test's own."""

    def load_from(text: str | None = None, environment: Mapping[str, str] | None = None) -> Settings:
        config = None
        if text is not None:
            config = tmp_path / "own.toml"
            config.write_text(text, "utf-8")
        return load(tmp_path, config, environment or {})

    return load_from


def problems_of(loaded: Loader, *arguments: object) -> list[str]:
    """Return the problems that stop the settings from being used."""
    with pytest.raises(ConfigurationError) as refused:
        loaded(*arguments)
    return refused.value.problems


def source_of(settings: Settings, key: str) -> str:
    return next(one.source for one in settings.effective if one.key == key)


def value_of(settings: Settings, key: str) -> object:
    return next(one.value for one in settings.effective if one.key == key)


def default_lines() -> list[str]:
    return shipped(f"config/{DEFAULTS}").read_text("utf-8").splitlines()


# The file of defaults


def test_defaults_name_every_setting_and_no_other() -> None:
    """What an operator can set is what the file of defaults shows, in the order of the schema."""
    tables = tomllib.loads("\n".join(default_lines()))

    written = tuple(f"{section}.{key}" for section, table in tables.items() for key in table)
    assert set(written) == set(KEYS)
    assert len(written) == len(KEYS)


def test_every_default_is_explained() -> None:
    """Each key has a comment on its own line or on the line above it."""
    lines = default_lines()
    keys = [(number, line) for number, line in enumerate(lines) if re.match(r"[a-z0-9_]+ *=", line)]

    unexplained = [
        line for number, line in keys if "#" not in line and not lines[number - 1].lstrip().startswith("#")
    ]
    assert len(keys) == len(KEYS)
    assert unexplained == []


def test_defaults_alone_are_settings(loaded: Loader) -> None:
    """Without a file and without variables the server starts, and every value is the file's."""
    settings = loaded()

    assert [one.key for one in settings.effective] == list(KEYS)
    assert {one.source for one in settings.effective} == {DEFAULTS}


def test_defaults_are_the_safe_ones(loaded: Loader) -> None:
    """Nobody else is trusted, nobody is let in from afar, and no page chooses its guest's id."""
    settings = loaded()

    assert settings.server.bind.startswith("127.0.0.1:")
    assert (settings.server.trusted_proxies, settings.server.public_origins) == (0, ())
    assert (settings.passwords.profile, settings.passwords.minimum_length) == ("asvs5", 15)
    assert settings.webchat.free_guest_ids is False
    assert settings.webchat.guest_prefix
    assert settings.tokens.agent_lifetime <= timedelta(minutes=10)


def test_sections_are_frozen(loaded: Loader) -> None:
    """What was checked at the start cannot be changed afterwards."""
    settings = loaded()

    with pytest.raises(FrozenInstanceError):
        settings.home = Path("/")  # type: ignore[misc]
    for policy in (
        settings.server,
        settings.callbacks,
        settings.tokens,
        settings.passwords,
        settings.database,
    ):
        with pytest.raises(FrozenInstanceError):
            setattr(policy, fields(policy)[0].name, None)


# Which one wins


def test_file_wins_over_the_defaults(loaded: Loader, tmp_path: Path) -> None:
    """What the operator's file sets is in force, with the file as its source; the rest stays."""
    settings = loaded('[tokens]\nagent_lifetime = "5m"\n')

    assert settings.tokens.agent_lifetime == timedelta(minutes=5)
    assert settings.tokens.chat_lifetime == timedelta(minutes=30)
    assert source_of(settings, "tokens.agent_lifetime") == str(tmp_path / "own.toml")
    assert source_of(settings, "tokens.chat_lifetime") == DEFAULTS


def test_environment_wins_over_the_file(loaded: Loader) -> None:
    """A variable is in force whatever the file sets, and is the source."""
    settings = loaded(
        '[tokens]\nagent_lifetime = "5m"\nchat_lifetime = "6m"\n', {"VALIDATOR_TOKENS_AGENT_LIFETIME": "4m"}
    )

    assert settings.tokens.agent_lifetime == timedelta(minutes=4)
    assert settings.tokens.chat_lifetime == timedelta(minutes=6)
    assert source_of(settings, "tokens.agent_lifetime") == "environment: VALIDATOR_TOKENS_AGENT_LIFETIME"


def test_environment_wins_also_when_it_is_wrong(loaded: Loader) -> None:
    """A bad variable does not fall back to the good value that it replaces."""
    (problem,) = problems_of(loaded, "[server]\nworkers = 2\n", {"VALIDATOR_SERVER_WORKERS": "many"})

    assert problem == (
        "environment: VALIDATOR_SERVER_WORKERS: server.workers: 'many' is not allowed; "
        "allowed is a whole number from 1 to 64"
    )


def test_file_that_is_wrong_does_not_matter_when_it_is_overruled(loaded: Loader) -> None:
    """A value that is not in force is not judged."""
    assert loaded("[server]\nworkers = 0\n", {"VALIDATOR_SERVER_WORKERS": "3"}).server.workers == 3


def test_kinds_come_from_the_environment_as_from_a_file(loaded: Loader) -> None:
    """Numbers, switches, lists, words and durations mean the same in both places."""
    from_environment = loaded(
        None,
        {
            "VALIDATOR_SERVER_WORKERS": "7",
            "VALIDATOR_CALLBACKS_ALWAYS_200": "true",
            "VALIDATOR_PASSWORDS_CONTEXT_WORDS": '["acme", "中国"]',
            "VALIDATOR_LOG_LEVEL": "debug",
            "VALIDATOR_DATABASE_TIMEOUT": "250ms",
        },
    )
    from_file = loaded(
        "[server]\nworkers = 7\n[callbacks]\nalways_200 = true\n"
        '[passwords]\ncontext_words = ["acme", "中国"]\n'
        '[log]\nlevel = "debug"\n[database]\ntimeout = "250ms"\n'
    )

    for one in (from_environment, from_file):
        assert (one.server.workers, one.callbacks.always_200, one.log.level) == (7, True, "debug")
        assert one.passwords.context_words == ("acme", "中国")
        assert one.database.timeout == timedelta(milliseconds=250)


MARK = b"\xef\xbb\xbf"


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_mark_at_the_beginning_of_a_file_is_passed_over(tmp_path: Path, line_end: bytes) -> None:
    """A file of settings as editors on Windows save it, with a byte-order mark, is taken."""
    config = tmp_path / "own.toml"
    config.write_bytes(MARK + line_end.join([b"[log]", b'level = "debug"', b""]))

    assert load(tmp_path, config, {}).log.level == "debug"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_file_of_another_encoding_is_told_in_words(tmp_path: Path, encoding: str) -> None:
    """UTF-16 and UTF-32 with their mark are named, with what to do."""
    config = tmp_path / "own.toml"
    config.write_bytes(("\ufeff" * (encoding == "utf-16-le") + "[log]\n").encode(encoding))

    with pytest.raises(ConfigurationError, match="is UTF-16 or UTF-32, not UTF-8: save it as UTF-8"):
        load(tmp_path, config, {})


OF_SERVICES = {
    "VALIDATOR_SERVICE_HOST": "10.96.14.7",
    "VALIDATOR_SERVICE_PORT": "8000",
    "VALIDATOR_SERVICE_PORT_HTTP": "8000",
    "VALIDATOR_PORT": "tcp://10.96.14.7:8000",
    "VALIDATOR_PORT_8000_TCP": "tcp://10.96.14.7:8000",
    "VALIDATOR_PORT_8000_TCP_PROTO": "tcp",
    "VALIDATOR_PORT_8000_TCP_PORT": "8000",
    "VALIDATOR_PORT_8000_TCP_ADDR": "10.96.14.7",
    "VALIDATOR_PORT_53_UDP": "udp://[2001:db8::7]:53",
    "VALIDATOR_PEOPLE_SERVICE_HOST": "2001:db8::7",
    "VALIDATOR_PEOPLE_PORT": "tcp://[2001:db8::7]:8000",
    "VALIDATOR_SERVER_METRICS_PORT_9464_TCP_ADDR": "10.96.14.8",
}


def test_variables_of_services_are_passed_over(loaded: Loader) -> None:
    """What Kubernetes sets beside a Service called `validator`, or `validator-…`, does not stop the start."""
    assert loaded(None, OF_SERVICES).effective == loaded(None, {}).effective


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("VALIDATOR_PORT", "8000"),
        ("VALIDATOR_SERVER_PORT", "8000"),
        ("VALIDATOR_SERVICE_HOST", "portal.example.com"),
        ("VALIDATOR_SERVICE_PORTS", "8000"),
        ("VALIDATOR_PORT_8000_TCP_PROTO", "on"),
        ("VALIDATOR_PORTAL_PATHS", "/portal"),
    ],
)
def test_misspelt_variable_is_still_a_problem(loaded: Loader, name: str, text: str) -> None:
    """A name that looks like a Service's, with a value that none has, is a misspelt setting."""
    assert problems_of(loaded, None, {name: text})


def test_other_variables_are_not_ours(loaded: Loader) -> None:
    """What does not begin with the prefix is left alone."""
    assert loaded(None, {"PATH": "/bin", "validator_server_workers": "x", "SERVER_WORKERS": "9"})


# The environment's names


def test_names_are_unique() -> None:
    """No two settings share a variable, and none takes one of the program's own."""
    names = [environment_variable(key) for key in KEYS]

    assert len(set(names)) == len(names)
    assert not {HOME_VARIABLE, CONFIG_VARIABLE} & set(names)


def test_names_follow_from_the_keys() -> None:
    """A variable is the prefix, the section and the key, in capitals."""
    assert environment_variable("log.level") == "VALIDATOR_LOG_LEVEL"
    assert environment_variable("tokens.agent_lifetime") == "VALIDATOR_TOKENS_AGENT_LIFETIME"
    assert all(re.fullmatch(r"VALIDATOR(_[A-Z0-9]+)+", environment_variable(key)) for key in KEYS)


def test_each_variable_sets_its_own_key(loaded: Loader) -> None:
    """A default, written into its variable, is the same setting from another place, and no other one."""
    for one in loaded().effective:
        written = repr(one.value).lower() if isinstance(one.value, bool) else str(one.value)
        if isinstance(one.value, list):
            continue
        settings = loaded(None, {environment_variable(one.key): written})

        assert value_of(settings, one.key) == one.value
        moved = [other.key for other in settings.effective if other.source != DEFAULTS]
        assert moved == [one.key]


# Everything that is wrong, at once


def test_every_problem_is_reported_at_once(loaded: Loader, tmp_path: Path) -> None:
    """Each with where it stands, its key, what is wrong and what is allowed; nothing is started."""
    own = str(tmp_path / "own.toml")

    problems = problems_of(
        loaded,
        '[server]\nworkers = 0\nbind = "localhost:80"\nwrkers = 3\n'
        '[log]\nlevel = "loud"\n[serve]\nbind = ""\n',
        {"VALIDATOR_TOKENS_LEEWAY": "1h", "VALIDATOR_LOG_FORMATT": "json"},
    )

    assert problems == [
        f"{own}: server.wrkers: unknown setting; did you mean server.workers?",
        f"{own}: serve.bind: unknown setting; did you mean server.bind?",
        "environment: VALIDATOR_LOG_FORMATT: unknown setting; did you mean VALIDATOR_LOG_FORMAT?",
        f"{own}: server.bind: 'localhost:80' is not allowed; allowed is "
        '"ADDRESS:PORT" with a numeric address, "[IPV6]:PORT" or "unix:/absolute/path"',
        f"{own}: server.workers: 0 is not allowed; allowed is a whole number from 1 to 64",
        "environment: VALIDATOR_TOKENS_LEEWAY: tokens.leeway: '1h' is not allowed; "
        'allowed is a text such as "10m" (units ms s m h d), 0s to 5m',
        f'{own}: log.level: \'loud\' is not allowed; allowed is "debug" or "info" or "warning" or "error"',
    ]


def test_one_hashing_slot_is_refused_with_the_reason(loaded: Loader) -> None:
    """A file of an older version with one slot does not start, and shows why two are needed."""
    (problem,) = problems_of(loaded, "[passwords]\nhashing_slots = 1\n")

    words = "1 is not allowed; allowed is a whole number from 2 to 64: one is kept for known devices"
    assert problem.endswith(f"passwords.hashing_slots: {words}")
    assert loaded("[passwords]\nhashing_slots = 2\n").passwords.hashing_slots == 2


def test_error_says_every_problem_on_a_line(loaded: Loader) -> None:
    """The text of the error is the problems, one line each."""
    with pytest.raises(ConfigurationError) as refused:
        loaded("[server]\nworkers = 0\nthreads = 0\n")

    assert str(refused.value) == "\n".join(refused.value.problems)
    assert len(refused.value.problems) == 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "[tokens]\nagent_life = 1\n",
            "tokens.agent_life: unknown setting; did you mean tokens.agent_lifetime?",
        ),
        ("[zzz]\nqqq = 1\n", "zzz.qqq: unknown setting; see config/default.toml for every setting"),
        ("[server.tls]\nbind = 1\n", "server.tls: unknown setting"),
        ("workers = 2\n", "workers: stands outside of a [section]"),
        ("server = 2\n", "server: stands outside of a [section]"),
        ("[[server]]\nworkers = 2\n", "server: stands outside of a [section]"),
        ("[Server]\nworkers = 2\n", "Server.workers: unknown setting; did you mean server.workers?"),
    ],
)
def test_unknown_setting_is_a_problem(loaded: Loader, text: str, problem: str) -> None:
    """A misspelt key never passes for set; the nearest one is suggested, if any is near."""
    (seen,) = problems_of(loaded, text)

    assert problem in seen


def test_renamed_setting_names_the_new_one(loaded: Loader) -> None:
    """A setting of an older version stops the start with the name that it has now."""
    new = "has another name now: set limits.callbacks_foreign, which counts only what was not signed here"

    assert [
        problem.partition(": ")[2]
        for problem in problems_of(
            loaded,
            '[limits]\ncallbacks_failures = "300/1m"\n',
            {"VALIDATOR_LIMITS_CALLBACKS_FAILURES": "300/1m"},
        )
    ] == [f"limits.callbacks_failures: {new}", f"VALIDATOR_LIMITS_CALLBACKS_FAILURES: {new}"]
    (problem,) = problems_of(loaded, '[limits]\nshadow = ["callbacks_failures"]\n')
    assert "callbacks_foreign" in problem


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ('[door]\norigin = "https://portal.example.com"\n', "proxy.origin"),
        ("[lockout]\nfree_failures = 3\n", "lockout.allowed_failures"),
        ("[lockout]\nstop_after = 50\n", "lockout.hard_lock_after"),
        ('[lockout]\nforget_after = "30d"\n', "lockout.reset_after"),
        ('[lockout]\nlongest_delay = "1h"\n', "lockout.max_delay"),
        ("[audit]\nlargest_file = 4096\n", "audit.max_file"),
        ("[cloud]\nlargest_removal = 5\n", "cloud.max_removal"),
    ],
)
def test_old_name_stops_the_start(loaded: Loader, text: str, new: str) -> None:
    """A file with the name of an older version never starts with a default in its place."""
    (problem,) = problems_of(loaded, text)

    assert problem.endswith(f"has another name now: set {new}")


def test_unknown_variable_is_a_problem(loaded: Loader) -> None:
    """A variable with the prefix that sets nothing is a misspelling."""
    for name in ("VALIDATOR_", "VALIDATOR_TOKENS", "VALIDATOR_SERVER_WORKERSS", "VALIDATOR_server_workers"):
        (seen,) = problems_of(loaded, None, {name: "1"})
        assert seen.startswith(f"environment: {name}: unknown setting; ")


@pytest.mark.parametrize(
    "content", [b"[server", b"a = ", b"\xff\xfe", b"[server]\nworkers = 2\nworkers = 3\n", b"\x00", b"a = 08"]
)
def test_file_that_cannot_be_read_is_a_problem(tmp_path: Path, content: bytes) -> None:
    """A file that is not TOML stops the start, with its name; other problems are reported, too."""
    config = tmp_path / "own.toml"
    config.write_bytes(content)

    with pytest.raises(ConfigurationError) as refused:
        load(tmp_path, config, {"VALIDATOR_SERVER_WORKERS": "0"})

    assert refused.value.problems[0].startswith(f"{config}: cannot be read: ")
    assert refused.value.problems[1].startswith("environment: VALIDATOR_SERVER_WORKERS: ")


@pytest.mark.parametrize("where", ["missing.toml", "."])
def test_missing_file_is_a_problem(tmp_path: Path, where: str) -> None:
    """A file that is named must be there; the defaults do not take its place."""
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(tmp_path, tmp_path / where, {})


def test_callbacks_need_paths_of_their_own(loaded: Loader) -> None:
    """One path for both callbacks could not distinguish agents from customers."""
    (problem,) = problems_of(
        loaded, '[callbacks]\nagent_path = "/v"\n', {"VALIDATOR_CALLBACKS_CHAT_PATH": "/v"}
    )

    assert problem == (
        "environment: VALIDATOR_CALLBACKS_CHAT_PATH: callbacks.chat_path: "
        "is the agent_path too; each callback needs its own"
    )
    assert loaded('[callbacks]\nagent_path = "/v"\nchat_path = "/V"\n').callbacks.chat_path == "/V"


# Home


def test_paths_lie_in_the_home(loaded: Loader, tmp_path: Path) -> None:
    """Relative folders are below the home, absolute ones are where they say."""
    settings = loaded('[keys]\ndirectory = "/srv/keys"\n[audit]\ndirectory = "a/b"\n')

    assert settings.home == tmp_path
    assert settings.keys.directory == Path("/srv/keys")
    assert settings.audit.directory == tmp_path / "a" / "b"
    assert settings.database.home == tmp_path


def test_home_and_file_come_from_the_environment(tmp_path: Path) -> None:
    """The environment gives what the command line leaves out; the command line wins."""
    config = tmp_path / "own.toml"
    config.write_text("[server]\nworkers = 9\n")
    environment = {HOME_VARIABLE: str(tmp_path / "home"), CONFIG_VARIABLE: str(config)}

    assert load(None, None, environment).home == tmp_path / "home"
    assert load(None, None, environment).server.workers == 9
    assert load(tmp_path, None, environment).home == tmp_path
    assert load(None, None, {HOME_VARIABLE: "", CONFIG_VARIABLE: ""}).home == Path(DEFAULT_HOME).absolute()


def test_export_hands_down_what_was_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that is started afterwards, and reads its environment, has the same settings."""
    for name in (HOME_VARIABLE, CONFIG_VARIABLE, "VALIDATOR_SERVER_WORKERS", "VALIDATOR_SERVER_BIND"):
        monkeypatch.setenv(name, "")  # so that it is taken away again
        monkeypatch.delenv(name)
    config = tmp_path / "own.toml"
    config.write_text("[server]\nworkers = 9\n")

    export(tmp_path, config, {"server.bind": "127.0.0.1:9"})

    settings = load()
    assert (settings.home, settings.server.workers, settings.server.bind) == (tmp_path, 9, "127.0.0.1:9")


# Places: the values of the proxy's settings


HOSTILE_WORDS = (
    "a b",
    " a",
    "a ",
    "a;",
    "a}",
    "a{",
    "a;}\nserver{",
    "$host",
    "${host}",
    "a'",
    'a"',
    "a\\",
    "a\n",
    "a\r\nb",
    "a\tb",
    "a\0",
    "#a",
    "a#b",
    "höst",
    "ｈost",
    "a\u2028",
    "a%0ab",
    "a*",
    "(a)",
    "a|b",
    "a,b",
    "a<b",
    "`a`",
    "a&b",
    "a" * 2000,
)
HTTPS_ORIGINS = (
    "https://a",
    "https://a.example",
    "https://a-b.example:8443",
    "https://192.0.2.7",
    "https://[::1]:1",
)
NO_HTTPS_ORIGINS = (
    "http://a.example",
    "https://a.example/",
    "https://a.example:443",
    "https://a.example:0",
    "https://a.example:65536",
    "https://A.example",
    "https://a.example.",
    "https://.a.example",
    "https://a..example",
    "https://-a.example",
    "https://a_b.example",
    "https://bücher.example",
    "https://u@a.example",
    "https://a.example?x",
    "https://a.example#x",
    "https://*.example",
    "https://",
    "https:a",
    "//a.example",
    "wss://a.example",
    "a.example",
    "null",
    f"https://{'a' * 64}.example",
)
PATHS = ("/etc/a.pem", "a/b.pem", "a@b+c-d_e.pem", "/" + "a" * 254)
NO_PATHS = ("~/a", "a=b", "a[1]", "C:/a", "/" + "a" * 255)
ADDRESSES = ("0.0.0.0:443", "[::]:443", "[2001:db8::7]:65535", "127.0.0.1:1")
NO_ADDRESSES = (
    "443",
    ":443",
    "*:443",
    "localhost:443",
    "0.0.0.0",
    "0.0.0.0:0",
    "0.0.0.0:65536",
    "0.0.0.0:-1",
    "0.0.0.0:+1",
    "0.0.0.0:４",
    "::1:443",
    "[::1]",
    "[0.0.0.0]:443",
    "[::1%eth0]:443",
    "256.0.0.1:443",
    "127.1:443",
    "unix:/a",
    "0.0.0.0:443 ssl",
)
# Each key with what it takes and what it does not, beside the hostile words, which none takes.
PLACES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "proxy.origin": (HTTPS_ORIGINS, NO_HTTPS_ORIGINS),
    "proxy.callbacks_origin": (HTTPS_ORIGINS, NO_HTTPS_ORIGINS),
    "proxy.cloud_host": (
        ("a", "cloud.example.com", "xn--bcher-kva.example", "a" * 63, "1.example"),
        (
            "Cloud",
            "a.",
            ".a",
            "a..b",
            "-a",
            "a-",
            "a_b",
            "a:1",
            "a/b",
            "a" * 64,
            "a." * 126 + "aaa",
            "*.a",
            "[::1]",
        ),
    ),
    "proxy.document_root": (PATHS, NO_PATHS),
    "proxy.acme_root": (PATHS, NO_PATHS),
    "proxy.log_folder": (PATHS, NO_PATHS),
    "proxy.cloud_ca": (PATHS, NO_PATHS),
    "proxy.prefix": (
        ("/demo", "/a/b.c~d"),
        ("demo", "/", "/demo/", "//a", "/a//b", "/../a", "/a/..", "/.", "/a%41"),
    ),
    "proxy.worker_user": (("nginx", "www-data", "_a"), ("Nginx", "-a", "1a", "a" * 33, "a.b", "root:root")),
    "proxy.nginx_version": (
        ("1.22", "1.26.3"),
        ("1", "1.", "2.0", "1.22.", "v1.22", "1.22.1.1", "1.1234", "1.２２"),
    ),
    "proxy.callbacks_upstream": (
        ("unix:/run/a.sock", *ADDRESSES),
        ("unix:a", "unix:/a b", *NO_ADDRESSES[:14]),
    ),
    "callbacks.agent_path": (("/v", "/rest/cc-management/v1"), ("v", "/", "/v/", "//v", "/v/../w", "/v?x")),
}
# The same for the members of lists.
LISTED: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "proxy.listen": (ADDRESSES, NO_ADDRESSES),
    "proxy.listen_plain": (tuple(word.replace(":443", ":80") for word in ADDRESSES), NO_ADDRESSES),
    "proxy.resolver": (
        ("127.0.0.53", "192.0.2.53:5353", "[2001:db8::53]", "[2001:db8::53]:5353"),
        ("dns.example", "2001:db8::53", "192.0.2.53:0", "192.0.2", "[::1", "192.0.2.53 valid=1s", "[::1%lo]"),
    ),
    "proxy.cross_origins": (
        ("https://a.example", "http://localhost:8080"),
        ("https://a.example/x", "*", "null"),
    ),
    "proxy.cloud_cookies": (
        ("JSESSIONID", "sum_token", "a-b", "a" * 64),
        ("a.b", "a=b", "a" * 65, "__Host-a[]"),
    ),
    "proxy.load_balancers": (
        ("192.0.2.0/24", "192.0.2.7", "2001:db8::/32", "::/1"),
        (
            "0.0.0.0/0",
            "::/0",
            "192.0.2.7/24",
            "192.0.2.0/33",
            "192.0.2",
            "fe80::1%eth0",
            "all",
            "example.com",
            "192.0.2.0/-1",
        ),
    ),
    "callbacks.networks": (("203.0.113.0/24",), ("203.0.113.1/24", "unix:", "0.0.0.0/0 ", "203.0.113.*")),
    "server.proxy_networks": (("127.0.0.1", "::1"), ("localhost", "127.0.0.1:80")),
}
every_place = pytest.mark.parametrize("key", PLACES)
every_listed = pytest.mark.parametrize("key", LISTED)


def written(key: str, value: object) -> dict[str, str]:
    """Return the variable that sets *key* alone to *value*, as it would be written in a file."""
    return {environment_variable(key): value if isinstance(value, str) else orjson.dumps(value).decode()}


# What a setting needs beside it: a server for the cloud's name; a portal that is at an address, too.
BESIDE = {
    "proxy.cloud_host": {"VALIDATOR_PROXY_RESOLVER": '["127.0.0.53"]'},
    "proxy.callbacks_origin": {"VALIDATOR_PROXY_ORIGIN": "https://192.0.2.9"},
}


def values_of(loaded: Loader, key: str, value: object) -> object:
    """Return what the settings in force show for *key*, set to *value*."""
    return value_of(loaded(None, BESIDE.get(key, {}) | written(key, value)), key)


@every_place
def test_place_is_taken_as_it_is_written(loaded: Loader, key: str) -> None:
    """What names a place in the right form is in force, letter by letter."""
    for word in PLACES[key][0]:
        assert values_of(loaded, key, word) == word


@every_place
def test_place_of_another_form_is_refused(loaded: Loader, key: str) -> None:
    """What has another form, or could be configuration of nginx, stops the start, and the key is named."""
    for word in (*PLACES[key][1], *HOSTILE_WORDS):
        (problem,) = problems_of(loaded, None, written(key, word))
        assert f": {key}: " in problem
        assert "allowed is" in problem or "older than" in problem


OF_THE_PROXY = [key for key in KEYS if key.startswith("proxy.")]


@pytest.mark.slow
@pytest.mark.parametrize(
    "key", [*OF_THE_PROXY, "callbacks.agent_path", "callbacks.chat_path", "callbacks.networks"]
)
def test_nothing_hostile_reaches_the_proxy(loaded: Loader, key: str) -> None:
    """Whatever is rendered into nginx's configuration refuses every text that nginx could read as more."""
    for word in HOSTILE_WORDS:
        # In a plain list these are two texts, or a text with blanks around it that are no part of it.
        is_list = key in LISTED and ("," in word or word != word.strip(" "))
        for value in ([word],) if is_list else (word, [word]):
            (problem,) = problems_of(loaded, None, written(key, value))
            assert f": {key}: " in problem


@every_listed
def test_places_are_taken_as_they_are_written(loaded: Loader, key: str) -> None:
    """Each member in the right form is in force, alone and together; none at all is allowed too."""
    every = list(LISTED[key][0])

    assert values_of(loaded, key, every) == every
    assert values_of(loaded, key, []) == []
    for word in every:
        assert values_of(loaded, key, [word]) == [word]


@every_listed
def test_one_place_of_another_form_spoils_the_list(loaded: Loader, key: str) -> None:
    """A member of another form stops the start, whatever stands beside it, and the key is named."""
    good = LISTED[key][0][0]
    for word in (*LISTED[key][1], *HOSTILE_WORDS, ""):
        for words in ([word], [good, word]):
            (problem,) = problems_of(loaded, None, written(key, words))
            assert f": {key}: " in problem
            assert "allowed is" in problem


@every_listed
def test_list_is_a_list_of_texts(loaded: Loader, key: str) -> None:
    """Half a list is none, and a number is no text."""
    values: list[object] = [f'["{LISTED[key][0][0]}"', [1], [[]], {"a": 1}]
    for value in values:
        (problem,) = problems_of(loaded, None, written(key, value))
        assert f": {key}: " in problem


def test_address_is_listened_on_once(loaded: Loader) -> None:
    """Twice the same address would stop nginx from starting."""
    (problem,) = problems_of(loaded, '[proxy]\nlisten = ["0.0.0.0:443", "[::]:443", "0.0.0.0:443"]\n')

    assert "each once" in problem


def test_networks_are_networks(loaded: Loader) -> None:
    """What is in force is a network that addresses can be held against, a single address too."""
    networks = loaded('[callbacks]\nnetworks = ["203.0.113.7", "2001:db8::/32"]\n').callbacks.networks

    assert networks == (ip_network("203.0.113.7/32"), ip_network("2001:db8::/32"))


def test_files_of_the_proxy_lie_in_the_home(loaded: Loader, tmp_path: Path) -> None:
    """Relative files are below the home, absolute ones stay; those not named are None."""
    proxy = loaded(
        '[proxy]\ncertificate = "tls/a.pem"\ncertificate_key = "/etc/a.key"\ndocument_root = "pages"\n'
    ).proxy

    assert (proxy.certificate, proxy.certificate_key) == (tmp_path / "tls" / "a.pem", Path("/etc/a.key"))
    assert proxy.document_root == tmp_path / "pages"
    assert (proxy.client_ca, proxy.acme_root, proxy.callbacks_certificate) == (None, None, None)
    assert proxy.log_folder == "logs"


def test_client_certificate_is_demanded_where_a_ca_is_named(loaded: Loader) -> None:
    """The application demands again what the proxy demands: one setting decides for both."""
    text = '[proxy]\norigin = "https://a.example"\ncallbacks_origin = "https://b.example"\n'

    assert loaded(text).callbacks.client_certificate is False
    assert loaded(f'{text}client_ca = "ca.pem"\n').callbacks.client_certificate is True


# Secrets


POSTGRES = '[database]\nurl = "postgresql+psycopg://u@h/n"\npassword_file = "password"\n'


def write_secret(path: Path, content: str | bytes, mode: int = 0o600) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
    return path


@pytest.mark.parametrize("mode", [0o600, 0o400])
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_secret_is_read_from_its_file(loaded: Loader, tmp_path: Path, mode: int, end: str) -> None:
    """A file for this user only has the password; the line's end is not part of it, blanks are."""
    write_secret(tmp_path / "password", f" {SECRET} {end}", mode)

    assert loaded(POSTGRES).database.password == f" {SECRET} "


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610, 0o601, 0o666])
def test_secret_that_others_can_open_is_refused(loaded: Loader, tmp_path: Path, mode: int) -> None:
    """A file that anybody else may read, write or run is a problem, and the complaint shows what to do."""
    path = write_secret(tmp_path / "password", SECRET, mode)

    (problem,) = problems_of(loaded, POSTGRES)

    assert problem == f"{path}: database.password: is open to other users; chmod 0600 it"
    path.chmod(0o600)
    assert loaded(POSTGRES).database.password == SECRET


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "cannot be read: FileNotFoundError"), (b"", "is empty"), (b"\n", "is empty")],
)
def test_secret_that_is_not_there_is_refused(
    loaded: Loader, tmp_path: Path, content: bytes | None, why: str
) -> None:
    """A password that was announced must be there."""
    if content is not None:
        write_secret(tmp_path / "password", content)

    (problem,) = problems_of(loaded, POSTGRES)

    assert problem == f"{tmp_path / 'password'}: database.password: {why}"


def test_secret_that_is_no_text_is_refused(loaded: Loader, tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are a problem, which shows none of them."""
    write_secret(tmp_path / "password", SECRET.encode() + b"\xff")

    (problem,) = problems_of(loaded, POSTGRES)

    assert problem.endswith(f"database.password: is not UTF-8, from byte {len(SECRET)}")


def test_credential_of_systemd_wins(loaded: Loader, tmp_path: Path) -> None:
    """What systemd hands over is taken before the file, which then need not even be there."""
    write_secret(tmp_path / "credentials" / "database.password", f"{SECRET}\n", 0o440)
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}

    assert loaded(POSTGRES, environment).database.password == SECRET
    write_secret(tmp_path / "password", "another")
    assert loaded(POSTGRES, environment).database.password == SECRET
    assert loaded(POSTGRES).database.password == "another"


def test_credential_needs_no_file_setting(loaded: Loader, tmp_path: Path) -> None:
    """A credential alone is enough."""
    write_secret(tmp_path / "credentials" / "database.password", SECRET)

    settings = loaded(None, {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")})

    assert settings.database.password == SECRET


def test_other_credentials_are_not_ours(loaded: Loader, tmp_path: Path) -> None:
    """A folder of credentials without this one leaves the file in force."""
    write_secret(tmp_path / "credentials" / "another", "x")
    write_secret(tmp_path / "password", SECRET)

    settings = loaded(POSTGRES, {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")})

    assert settings.database.password == SECRET


def test_without_a_secret_there_is_none(loaded: Loader) -> None:
    """SQLite needs no password."""
    assert loaded().database.password is None


def test_secret_is_shown_by_nothing(loaded: Loader, tmp_path: Path) -> None:
    """Neither the settings nor the list of what is in force has it."""
    write_secret(tmp_path / "password", SECRET)

    settings = loaded(POSTGRES)

    assert settings.database.password == SECRET
    assert SECRET not in f"{settings} {settings!r} {settings.effective}"


@pytest.mark.parametrize(
    "text",
    [
        f'[database]\nurl = "postgresql+psycopg://u:{SECRET}@h/n"\n',
        f'[database]\nurl = "mysql://u:{SECRET}@h/n"\n',
        f'[database]\nurl = "postgresql+psycopg://u@h/n?password={SECRET}"\n',
        f'[database]\npassword = "{SECRET}"\n',
        f'[database]\nsecret = ["{SECRET}"]\n',
        f'database_password = "{SECRET}"\n',
        f'[database]\nurl = "postgresql+psycopg://u:{SECRET}@h/n\n',
    ],
)
def test_secret_in_the_file_is_refused_and_not_printed(loaded: Loader, text: str) -> None:
    """A password written where it does not belong is not in the log, too."""
    problems = problems_of(loaded, text)

    assert problems
    assert SECRET not in "\n".join(problems)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VALIDATOR_DATABASE_URL", f"postgresql+psycopg://u:{SECRET}@h/n"),
        ("VALIDATOR_DATABASE_PASSWORD", SECRET),
        ("VALIDATOR_SECRET", SECRET),
    ],
)
def test_secret_in_the_environment_is_refused_and_not_printed(loaded: Loader, name: str, value: str) -> None:
    """The same holds for variables: a secret comes from files only."""
    problems = problems_of(loaded, None, {name: value})

    assert name in problems[0]
    assert SECRET not in "\n".join(problems)


# Whatever is written


BARE = ["true", "false", "nan", "-inf", "2020-01-01", "07:32:00", "2020-01-01T00:00:00Z", "0x10", "[]", "{}"]
TEXTS = ["", "unix:/a", "/a", "10m", "https://a.example", "sqlite:///a.db", "[::1]:80", "json", "all"]
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='"\\'))
LEAVES = (
    st.sampled_from(BARE)
    | st.integers(-(2**70), 2**70).map(str)
    | (st.sampled_from(TEXTS) | ANY_TEXT).map(lambda text: f'"{text}"')
)


def in_brackets(values: list[str]) -> str:
    return f"[{', '.join(values)}]"


def in_braces(values: list[str]) -> str:
    return "{" + ", ".join(f"k{number} = {value}" for number, value in enumerate(values)) + "}"


TOML_VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3).map(in_brackets) | st.lists(inner, max_size=2).map(in_braces),
    max_leaves=4,
)


def is_setting_or_problem(loaded: Loader, key: str, *arguments: object) -> bool:
    """Return whether loading ends in one of the two right ways; a secret is named without its `_file`."""
    try:
        loaded(*arguments)
    except ConfigurationError as refused:
        return all(key.removesuffix("_file") in problem for problem in refused.problems)
    return True


@pytest.mark.slow
@given(key=st.sampled_from(KEYS), value=TOML_VALUES)
@examples(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_is_a_setting_or_a_problem(loaded: Loader, key: str, value: str) -> None:
    """Whatever TOML is written for a key, the server starts with it or names that key as the problem."""
    section, name = key.split(".")

    assert is_setting_or_problem(loaded, key, f"[{section}]\n{name} = {value}\n")


@given(key=st.sampled_from(KEYS), text=st.text(max_size=40))
@examples(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_variable_is_a_setting_or_a_problem(loaded: Loader, key: str, text: str) -> None:
    """The same holds for any text in its variable."""
    assert is_setting_or_problem(loaded, key, None, {environment_variable(key): text})


CONTRIVED = {
    "deep list": "[" * 5000 + "]" * 5000,
    "deep table": "{a=" * 3000,
    "many digits": "9" * 5000,
    "many hexadecimal digits": "0x" + "f" * 5000,
    "impossible date": "2020-02-30",
    "impossible offset": "2020-01-01T00:00:00+99:00",
}


@pytest.mark.parametrize("name", CONTRIVED)
def test_contrived_value_in_a_file_is_a_problem(loaded: Loader, name: str) -> None:
    """A file that the reader of TOML itself stumbles over is a problem, not a crash."""
    assert problems_of(loaded, f"[server]\nworkers = {CONTRIVED[name]}\n")


@pytest.mark.parametrize("name", CONTRIVED)
def test_contrived_value_of_a_variable_is_a_problem(loaded: Loader, name: str) -> None:
    """The same holds for a variable."""
    assert problems_of(loaded, None, {"VALIDATOR_SERVER_WORKERS": CONTRIVED[name]})


# The cloud


CLOUD = '[cloud]\napi_url = "https://cloud.example.com"\napp_key = "k"\napp_secret_file = "app.secret"\n'


def test_cloud_is_not_asked_by_default(loaded: Loader) -> None:
    """Nothing is set up, no SIP password is kept, and the vendor's routes are as the vendor spells them."""
    settings = loaded()

    assert (settings.cloud.api_url, settings.cloud.app_key, settings.cloud.app_secret) == ("", "", None)
    assert settings.cloud.token_path == "/apigovernance/api/oauth/tokenByAkSk"
    assert settings.cloud.agents_path == "/apiaccess/CC-Mangemant/v1/queryAgentInfo"
    assert settings.cloud.token_lifetime == timedelta(seconds=600)
    assert (settings.cloud.keep_sip_passwords, settings.cloud.max_removal) == (False, 20)


def test_cloud_is_set_up(loaded: Loader, tmp_path: Path) -> None:
    """The cloud's origin, the app key, its secret, and the authorities to trust; files lie in the home."""
    write_secret(tmp_path / "app.secret", f"{SECRET}\n")

    cloud = loaded(f'{CLOUD}ca_file = "ca.pem"\ntimeout = "3s"\n').cloud

    assert (cloud.api_url, cloud.app_key, cloud.app_secret) == ("https://cloud.example.com", "k", SECRET)
    assert (cloud.ca_file, cloud.timeout) == (tmp_path / "ca.pem", timedelta(seconds=3))
    assert SECRET not in repr(cloud)


def test_app_secret_may_be_a_credential(loaded: Loader, tmp_path: Path) -> None:
    """What systemd hands over may be the app key's secret."""
    write_secret(tmp_path / "credentials" / "cloud.app_secret", SECRET)
    text = CLOUD.replace('app_secret_file = "app.secret"\n', "")

    assert loaded(text).cloud.app_secret is None
    assert loaded(text, {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}).cloud.app_secret == SECRET


def test_app_secret_is_never_a_setting(loaded: Loader) -> None:
    """There is no place for the secret itself, and a misspelt try does not show it."""
    for shown in (
        problems_of(loaded, f'[cloud]\napp_secret = "{SECRET}"\n'),
        problems_of(loaded, None, {"VALIDATOR_CLOUD_APP_SECRET": SECRET}),
        problems_of(loaded, f'[cloud]\napi_url = "https://k:{SECRET}@cloud.example.com"\n'),
    ):
        assert SECRET not in str(shown)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('api_url = "https://cloud.example.com"\n', "cloud.app_key: is missing: cloud.api_url says"),
        ('app_secret_file = "app.secret"\n', "cloud.api_url: is missing: cloud.app_secret_file names"),
        (
            'interfaces_url = "https://cloud.example.com"\n',
            "cloud.access_key: is missing: cloud.interfaces_url",
        ),
        ('secret_key_file = "cloud.secret"\n', "cloud.interfaces_url: is missing: cloud.secret_key_file"),
    ],
)
def test_half_of_the_cloud_is_a_problem(loaded: Loader, text: str, problem: str) -> None:
    """A cloud without a key, and a secret for no cloud, are reported before any request."""
    (seen,) = problems_of(loaded, f"[cloud]\n{text}")

    assert problem in seen


def test_rules_of_several_sections_are_reported_together(loaded: Loader, tmp_path: Path) -> None:
    """Each broken rule is reported, whichever section it is of."""
    problems = problems_of(
        loaded, '[cloud]\napi_url = "https://c.example"\n[callbacks]\nagent_path = "/v"\nchat_path = "/v"\n'
    )

    assert len(problems) == 2


# The sections


def test_every_section_has_its_keys() -> None:
    """The keys are those of the sections, and each has a variable."""
    assert set(KEYS) == {f"{name}.{key}" for name, section in SECTIONS.items() for key in section.fields}
    assert all(environment_variable(key).startswith(PREFIX) for key in KEYS)


def test_every_section_makes_its_one_policy(loaded: Loader) -> None:
    """The settings have one frozen policy for each section, of the type that the section names."""
    settings = loaded()
    policies = {one.name: getattr(settings, one.name) for one in fields(settings)}
    del policies["home"], policies["effective"]

    assert {name: type(policy) for name, policy in policies.items()} == {
        name: section.policy for name, section in SECTIONS.items()
    }
    for policy in policies.values():
        with pytest.raises(FrozenInstanceError):
            setattr(policy, fields(policy)[0].name, None)


@pytest.mark.parametrize("name", SECTIONS)
def test_policy_is_named_as_its_section(name: str) -> None:
    """A field of a policy has the name of its key, a secret the name of its file's key without `_file`."""
    section = SECTIONS[name]
    keys = section.fields.keys() - set(section.not_in_policy)

    of_policy = {one.name for one in fields(section.policy)}
    assert {key if key in of_policy else key.removesuffix("_file") for key in keys} <= of_policy


def test_secret_of_each_section_is_read(loaded: Loader, tmp_path: Path) -> None:
    """Secrets that cannot be read are all reported at once."""
    text = f'{CLOUD}{POSTGRES}[limits]\nstorage_password_file = "redis.password"\n'

    assert problems_of(loaded, text) == [
        f"{tmp_path / file}: {name}: cannot be read: FileNotFoundError"
        for file, name in (
            ("password", "database.password"),
            ("redis.password", "limits.storage_password"),
            ("app.secret", "cloud.app_secret"),
        )
    ]
