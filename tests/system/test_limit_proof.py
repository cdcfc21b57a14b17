"""`validator limits prove`, against real servers: every limit is what is configured, or which is not."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.support.command_line import CommandLine, check_misused, check_refused, clean_environment
from tests.support.server_process import TIMEOUT, serving, wait_until
from validator.limits.policy import PURPOSES
from validator.operations.limitproof.needs import NEEDED

# Small, and days long, so that no proof meets the edge of a window; the relations between them are those
# of the defaults: what is counted for many never stands in the way of a proof of what is counted for one.
RATES = {
    "callbacks_foreign": 60,
    "callbacks_refused": 15,
    "callbacks_token": 25,
    "callbacks_subject": 45,
    "callbacks_tenant": 70,
    "login_address": 12,
    "tokens_address": 60,
    "tokens_caller": 25,
    "guest_address": 60,
    "signing_guest": 10,
    "signing_channel": 40,
    "signing_all": 140,
    "other_address": 15,
    "query_foreign": 14,
    "query_source": 16,
    "query_misses": 13,
    "query_tenant": 17,
    "lookup_address": 18,
    "lookup_agent": 8,
    "lookup_misses": 5,
    "lookup_tenant": 19,
    "unmask_agent": 6,
    "verification_foreign": 14,
    "verification_tenant": 9,
    "verifications_address": 11,
    "ivr_foreign": 12,
    "ivr_misses": 7,
    "ivr_tenant": 10,
    "ctibar_address": 13,
    "ctibar_agent": 5,
    "calls_agent": 6,
    "calls_seen": 7,
    "barcalls_address": 12,
    "barcalls_agent": 8,
    "callrecords_foreign": 11,
    "callrecords_route": 9,
}
# They need a call that was verified, a call centre, calls of many agents, and a softphone's password.
LEFT_OUT = {"verification_resets", "calls_tenant", "barcalls_tenant", "softphone_person"}
SHARES = {"signing_prefix": 20, "signing_fresh": 30, "signing_all_prefix": 70, "signing_all_fresh": 105}
LIMITS = {f"VALIDATOR_LIMITS_{name.upper()}": f"{amount}/1d" for name, amount in RATES.items()} | {
    "VALIDATOR_LIMITS_SIGNING_PREFIX_SHARE": "50",
    "VALIDATOR_LOCKOUT_ALLOWED_FAILURES": "3",
    "VALIDATOR_LOCKOUT_ADDRESS_FAILURES": "4/1d",
    "VALIDATOR_LOCKOUT_PREFIX_FAILURES": "9/1d",
}
TRUSTING = {
    "VALIDATOR_SERVER_TRUSTED_PROXIES": "1",
    "VALIDATOR_SERVER_PROXY_NETWORKS": '["127.0.0.1"]',
}
OTHER = {
    "VALIDATOR_LIMITS_LOGIN_ADDRESS": "13/1d",
    "VALIDATOR_LIMITS_OTHER_ADDRESS": "14/1d",
    "VALIDATOR_LIMITS_TOKENS_ADDRESS": "off",
    "VALIDATOR_LOCKOUT_ALLOWED_FAILURES": "4",
}
# Of the configured server; a scratch server that used any of it would not start.
IN_USE = {
    "VALIDATOR_DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1:1/none",
    "VALIDATOR_LIMITS_STORAGE": "redis://127.0.0.1:1/0",
    "VALIDATOR_SERVER_BIND": "192.0.2.1:1",
    "VALIDATOR_CALLBACKS_NETWORKS": '["203.0.113.0/24"]',
}
PATIENCE = 120  # seconds for 900 requests, which take 15 alone on the machine
LOCKOUT = {"lockout": 3, "lockout_device": 3, "lockout_address": 4, "lockout_prefix": 9}


@pytest.fixture
def validator(tmp_path: Path) -> CommandLine:
    """Return the command line with an empty home."""
    validator = CommandLine(tmp_path / "home")
    validator.did("init")
    return validator


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[CommandLine, str]]:
    """Yield the command line and the URL of a server whose limits are others than the command's."""
    validator = CommandLine(tmp_path_factory.mktemp("other") / "home")
    validator.did("init")
    with serving(validator.home, variables=LIMITS | TRUSTING | OTHER) as server:
        yield validator, f"http://{server.bind}"


def leftovers(folder: Path) -> list[str]:
    """Return what is left of a scratch server: files in *folder*, and processes that were given it."""
    given = f"TMPDIR={folder}\0".encode()
    running = [path for path in Path("/proc").glob("[0-9]*/environ") if given in _read(path)]
    return [path.name for path in folder.iterdir()] + [str(path) for path in running]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has ended, or is another user's
        return b""


def test_every_limit_is_proven(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Without URL or home exactly as many come through as each limit allows, and nothing is left."""
    proven = {name for name, purpose in PURPOSES.items() if not purpose.at_proxy} - LEFT_OUT
    assert set(RATES | SHARES) == proven
    folder = tmp_path_factory.mktemp("t")  # short: the path of a unix socket has a maximum
    nowhere = CommandLine(tmp_path / "home")

    variables = LIMITS | IN_USE | {"TMPDIR": str(folder)}
    said = nowhere.program("limits", "prove", "--json", variables=variables, timeout=PATIENCE)

    assert said.code == 0, said.err
    proofs = {proof["limit"]: proof for proof in orjson.loads(said.out)}
    assert {name: proof["configured"] for name, proof in proofs.items()} == RATES | SHARES | LOCKOUT
    assert {name: proof["measured"] for name, proof in proofs.items()} == RATES | SHARES | LOCKOUT
    assert {proof["holds"] for proof in proofs.values()} == {True}
    progress = [line.partition(":")[0] for line in said.err.splitlines() if line.endswith("came through")]
    assert progress == list(proofs)
    assert leftovers(folder) == []
    assert not nowhere.home.exists()


def test_narrow_limits_do_not_spoil_the_proof_of_wide_ones(tmp_path: Path) -> None:
    """A limit of few on one token, subject, guest or channel holds, and so do the limits beside it."""
    few = {
        **RATES,
        "callbacks_token": 3,
        "callbacks_subject": 7,
        "callbacks_refused": 2,
        "signing_guest": 2,
        "signing_channel": 8,
        "signing_all": 28,
    }
    variables = {f"VALIDATOR_LIMITS_{name.upper()}": f"{amount}/1d" for name, amount in few.items()}

    nowhere = CommandLine(tmp_path / "home")
    said = nowhere.program("limits", "prove", "--json", variables=LIMITS | variables, timeout=PATIENCE)

    proofs = {proof["limit"]: proof for proof in orjson.loads(said.out)}
    assert {name: proof["measured"] for name, proof in proofs.items() if name in few} == few
    assert [name for name, proof in proofs.items() if not proof["holds"]] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_proof_leaves_nothing(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, number: signal.Signals
) -> None:
    """A signal, also twice, ends the proof and its server, and the temporary home is removed."""
    folder = tmp_path_factory.mktemp("t")  # short: the path of a unix socket has a maximum
    environment = {
        **clean_environment(),
        **LIMITS,
        "TMPDIR": str(folder),
        "VALIDATOR_HOME": str(tmp_path / "home"),
    }
    command = [sys.executable, "-m", "validator", "limits", "prove"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    with process.stderr as lines:
        first = next(line for line in lines if line.endswith("came through\n"))
        during = leftovers(folder)
        process.send_signal(number)
        process.send_signal(number)
        code = process.wait(TIMEOUT)

    assert first == "callbacks_foreign: 60 of 60 came through\n"
    assert len(during) > 2  # the folder, this command and its server
    assert code == 128 + number
    wait_until(lambda: leftovers(folder) == [], "nothing is left")


def test_wrong_limits_are_found(other: tuple[CommandLine, str]) -> None:
    """A server with other limits than the configuration is found out: which, how far, and exit code 1."""
    validator, url = other

    said = validator.program("limits", "prove", url, variables=LIMITS | TRUSTING, timeout=PATIENCE)

    wrong = {line.split()[0]: line.split()[-3:] for line in said.out.splitlines() if line.endswith("no")}
    assert said.code == 1
    assert "not what it is configured to be" in said.err
    assert wrong == {
        "login_address": ["12", "13", "no"],
        "other_address": ["15", "14", "no"],
        "tokens_address": ["60", "61", "no"],
        "lockout": ["3", "4", "no"],
        "lockout_device": ["3", "4", "no"],
    }


def test_server_of_another_home_is_refused(validator: CommandLine, other: tuple[CommandLine, str]) -> None:
    """What the trail of this home does not have cannot be counted in it."""
    check_refused(validator("limits", "prove", other[1], variables=LIMITS | TRUSTING), NEEDED)


def test_server_that_believes_no_address_is_refused(validator: CommandLine) -> None:
    """The command's settings say that addresses are believed, and the server was started with others."""
    with serving(validator.home, variables=LIMITS) as server:
        said = validator("limits", "prove", f"http://{server.bind}", variables=LIMITS | TRUSTING)

    check_refused(said, NEEDED)


@pytest.mark.parametrize(
    "variables",
    [
        {"VALIDATOR_SERVER_TRUSTED_PROXIES": "0"},
        {"VALIDATOR_SERVER_ROLE": "people"},
        {"VALIDATOR_CALLBACKS_NETWORKS": '["203.0.113.0/24"]'},
        {"VALIDATOR_CALLBACKS_ALWAYS_200": "true"},
    ],
    ids=lambda variables: next(iter(variables)),
)
def test_everything_that_is_needed_is_said_at_once(validator: CommandLine, variables: dict[str, str]) -> None:
    """Whatever is missing, one sentence names every setting; nothing is sent."""
    said = validator("limits", "prove", "http://127.0.0.1:1", variables=TRUSTING | variables)

    check_refused(said, NEEDED)
    for key in ("trusted_proxies = 1", 'proxy_networks = ["127.0.0.1"]', "callbacks.networks", "always_200"):
        assert key in said.err


@pytest.mark.parametrize("url", ["localhost", "http://192.0.2.1", "http://[::1", "unix:relative", ""])
def test_url_is_one_of_a_server(validator: CommandLine, url: str) -> None:
    """What nothing can be sent to ends with exit code 2, before anything is started."""
    check_misused(validator("limits", "prove", url), "unix:/PATH")
