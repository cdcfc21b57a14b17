"""The registration: read and checked as a whole, with every error reported at once."""

from datetime import timedelta
from pathlib import Path

import pytest
import trustme

from validator.errors import ConfigurationError
from validator.files import write_private
from validator.operations.simulator.registration import Column, load
from validator.webchat.wire import SIGNED_KEYS, LengthRule

GOOD = """\
[enterprise]
agent_url = "https://e.example/agent"
chat_url = "https://e.example/chat?x=1"
certificate = "server.cer"

[[tenants]]
id = "202400000001"

[[agents]]
tenant = "202400000001"
account = "agent-7"
work_no = 1001

[[channels]]
id = "817854979183314945"
tenant = "202400000001"
secret_key_file = "channel.secret"

[[apps]]
key = "app-1"
tenant = "202400000001"
secret_file = "app.secret"
"""
SECRET = "KHFwaYVekKSM1fzBFiiHfJLiPnbfpBTJ8iB73nfZhrF"
PEM = trustme.CA().cert_pem.bytes()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a registration with everything it names."""
    (tmp_path / "server.cer").write_bytes(PEM)
    write_private(tmp_path / "channel.secret", SECRET.encode() + b"\n")
    write_private(tmp_path / "app.secret", b"app secret")
    (tmp_path / "simulator.toml").write_text(GOOD)
    return tmp_path / "simulator.toml"


def problems(file: Path, *changes: tuple[str, str]) -> list[str]:
    """Return the errors of the registration with *changes*, without the file's name."""
    text = GOOD
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)
    with pytest.raises(ConfigurationError) as raised:
        load(file)
    assert all(problem.startswith(f"{file}: ") for problem in raised.value.problems)
    return [problem.removeprefix(f"{file}: ") for problem in raised.value.problems]


def test_registration_is_read(file: Path) -> None:
    """Everything is there as it was written; what was left out has its default."""
    known = load(file)

    assert known.enterprise.agent_url == "https://e.example/agent"
    assert known.enterprise.give_up_after == timedelta(seconds=5)
    assert (known.cloud.names, known.cloud.cookie_domain, known.cloud.skew) == ((), "", timedelta(minutes=5))
    channel = known.channels["817854979183314945"]
    assert (channel.secret_key, channel.key_order, channel.length_rule) == (SECRET, SIGNED_KEYS, "bytes")
    assert isinstance(channel.length_rule, LengthRule)
    assert known.apps["app-1"].secret == "app secret"
    assert known.has_agent("202400000001", "agent-7")
    assert known.work_no("202400000001", "agent-7") == 1001
    assert not known.has_agent("other", "agent-7")


def test_secrets_are_not_in_what_is_printed(file: Path) -> None:
    """The values can be logged without their secrets."""
    assert SECRET not in repr(load(file))
    assert "app secret" not in repr(load(file))


def test_settings_of_the_cloud_are_read(file: Path) -> None:
    """Names, cookies' domain, skew and patience can be set."""
    cloud = '[cloud]\nnames = ["cloud.example"]\ncookie_domain = ".cloud.example"\nskew = "10s"\n'
    file.write_text(cloud + GOOD.replace("[enterprise]", '[enterprise]\ngive_up_after = "2s"'))

    known = load(file)

    assert known.cloud.names == ("cloud.example",)
    assert (known.cloud.cookie_domain, known.cloud.skew) == (".cloud.example", timedelta(seconds=10))
    assert known.enterprise.give_up_after == timedelta(seconds=2)


def test_every_problem_is_told_at_once(file: Path) -> None:
    """A person mends the whole file in one go."""
    (file.parent / "channel.secret").unlink()

    told = problems(
        file,
        ("https://e.example/agent", "http://e.example/agent"),
        ("work_no = 1001", 'work_no = "1001"'),
        ("[[apps]]", "[[applications]]"),
    )

    assert len(told) == 4
    assert "applications: unknown" in told[0]
    assert "[enterprise]: agent_url: 'http://e.example/agent' is not allowed" in told[1]
    assert "[[agents]] 1: work_no: '1001' is not allowed" in told[2]
    assert told[3] == "channel.secret: cannot be read: FileNotFoundError"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("https://e.example/agent", "https://e.example"), "agent_url"),
        (("https://e.example/agent", "https://user:word@e.example/agent"), "agent_url"),
        (("https://e.example/agent", "https://e.example:0/agent"), "agent_url"),
        (('"https://e.example/agent"', "7"), "agent_url"),
        (("agent_url", "agent_uri"), "agent_uri: Unknown field"),
        (('certificate = "server.cer"', 'certificate = "none.cer"'), "none.cer: cannot be read"),
        (('certificate = "server.cer"', 'certificate = "app.secret"'), "app.secret: has no certificate"),
        (
            (
                'tenant = "202400000001"\nsecret_key_file',
                'tenant = "202400000002"\nsecret_key_file',
            ),
            "[[channels]]: tenant 202400000002 is not among [[tenants]]",
        ),
        (
            ('id = "202400000001"', 'id = "202400000001"\n[[tenants]]\nid = "202400000001"'),
            "[[tenants]]: 202400000001 is there twice",
        ),
        (
            ("secret_key_file", 'key_order = ["thirdUserId"]\nsecret_key_file'),
            'key_order: ["thirdUserId"] is not allowed',
        ),
        (("secret_key_file", 'length_rule = "words"\nsecret_key_file'), "length_rule: 'words'"),
        (("[[tenants]]", "tenants = 7\n[other]"), "unknown"),
        (("[enterprise]", "enterprise = 7\n[other]"), "[enterprise]: is not a table"),
        (("[enterprise]", "[enterprise"), "cannot be read"),
    ],
)
def test_mistake_is_told(file: Path, change: tuple[str, str], told: str) -> None:
    """Each error names its place."""
    assert any(told in problem for problem in problems(file, change)), problems(file, change)


TABLE = """
[[tables]]
tenant = "202400000001"
name = "客户"
encoding = "gb18030"

[[columns]]
table = "客户"
name = "手机号"
kind = "index"
length = 16

[[columns]]
table = "客户"
name = "等级"
type = "dictionary"
items = ["gold"]
required = true
"""


def test_basic_tables_are_read(file: Path) -> None:
    """A table has its columns in the order of the file, with their defaults; without any there is none."""
    assert load(file).tables == {}
    file.write_text(GOOD + TABLE)

    (table,) = load(file).tables.values()

    assert (table.name, table.tenant, table.encoding) == ("客户", "202400000001", "gb18030")
    assert table.columns == (
        Column("手机号", "index", "string", 16, (), required=False),
        Column("等级", "ordinary", "dictionary", 256, ("gold",), required=True),
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            ('name = "客户"\nencoding', 'name = "客-户"\nencoding'),
            "[[tables]] 1: name: '客-户' is not allowed",
        ),
        (('"gb18030"', '"utf-16"'), "[[tables]] 1: encoding: 'utf-16' is not allowed"),
        (('"dictionary"', '"text"'), "[[columns]] 2: type: 'text' is not allowed"),
        (("length = 16", "length = 257"), "[[columns]] 1: length: 257 is not allowed"),
        (("[[columns]]", "[[others]]"), "[[columns]]: 客户 has none"),
        (('table = "客户"', 'table = "b"'), "[[columns]]: table b is not among [[tables]]"),
        (('"等级"', '"手机号"'), "[[columns]]: 客户 has 手机号 twice"),
        (('type = "dictionary"', 'kind = "index"'), "[[columns]]: 客户 has more than 1 of the kind index"),
        (
            ("[[columns]]", '[[tables]]\ntenant = "202400000001"\nname = "客户"\n[[columns]]'),
            "客户 is there twice",
        ),
    ],
)
def test_mistake_about_tables_is_told(file: Path, change: tuple[str, str], told: str) -> None:
    """What the cloud's administrator could not enter is an error that names its place."""
    file.write_text(GOOD + TABLE.replace(*change))

    with pytest.raises(ConfigurationError) as raised:
        load(file)
    assert any(told in problem for problem in raised.value.problems), raised.value.problems


def test_sixth_table_is_told(file: Path) -> None:
    """A tenant has at most five basic tables."""
    tables = [TABLE.replace("客户", f"t{number}") for number in range(6)]
    file.write_text(GOOD + "".join(tables[:5]))
    assert len(load(file).tables) == 5

    file.write_text(GOOD + "".join(tables))
    with pytest.raises(ConfigurationError, match="202400000001 has more than 5"):
        load(file)


def test_secret_open_to_others_is_refused(file: Path) -> None:
    """A secret that other users may read is an error."""
    (file.parent / "app.secret").chmod(0o644)

    assert any("app.secret is open to other users" in problem for problem in problems(file))


def test_empty_secret_is_refused(file: Path) -> None:
    """A file without a secret is no secret."""
    write_private(file.parent / "app.secret", b"\n")

    assert problems(file) == ["app.secret: is empty"]


def test_missing_file_is_told(tmp_path: Path) -> None:
    """A registration that is not there is a configuration that cannot be used."""
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(tmp_path / "none.toml")
