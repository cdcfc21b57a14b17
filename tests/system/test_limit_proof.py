"""`validator limits prove`, against a real server: every limit is what is configured, or which is not."""

from pathlib import Path

import pytest

from tests.cli.commandline import CommandLine
from tests.system.serving import serving
from validator.limits.policy import PURPOSES

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
}
SHARES = {"signing_prefix": 20, "signing_fresh": 30, "signing_all_prefix": 70, "signing_all_fresh": 105}
SMALL = {f"VALIDATOR_LIMITS_{name.upper()}": f"{amount}/1d" for name, amount in RATES.items()} | {
    "VALIDATOR_LIMITS_SIGNING_PREFIX_SHARE": "50",
    "VALIDATOR_SERVER_TRUSTED_PROXIES": "1",
    "VALIDATOR_SERVER_PROXY_NETWORKS": '["127.0.0.1"]',
    "VALIDATOR_SERVER_WORKERS": "2",
    "VALIDATOR_LOCKOUT_FREE_FAILURES": "3",
    "VALIDATOR_LOCKOUT_ADDRESS_FAILURES": "4/1d",
    "VALIDATOR_LOCKOUT_PREFIX_FAILURES": "9/1d",
}
LOCKOUT = {"lockout": 3, "lockout_device": 3, "lockout_address": 4, "lockout_prefix": 9}


@pytest.fixture
def validator(tmp_path: Path) -> CommandLine:
    """Return the command line with an empty home."""
    validator = CommandLine(tmp_path / "home")
    validator.did("init")
    return validator


def test_every_limit_is_proven(validator: CommandLine) -> None:
    """Of each limit exactly as many come through as are configured, over two workers, and it ends with 0."""
    assert set(RATES | SHARES) == {name for name, purpose in PURPOSES.items() if not purpose.at_proxy}

    with serving(validator.home, variables=SMALL) as server:
        said = validator.program("limits", "prove", f"http://{server.bind}", "--json", variables=SMALL)

    proofs = {proof["limit"]: proof for proof in said.json()}
    assert {name: proof["configured"] for name, proof in proofs.items()} == RATES | SHARES | LOCKOUT
    assert {name: proof["measured"] for name, proof in proofs.items()} == RATES | SHARES | LOCKOUT
    assert {proof["holds"] for proof in proofs.values()} == {True}


def test_wrong_limits_are_found(validator: CommandLine) -> None:
    """A server with other limits than the configuration is found out: which, how far, and exit code 1."""
    other = {
        "VALIDATOR_LIMITS_LOGIN_ADDRESS": "13/1d",
        "VALIDATOR_LIMITS_OTHER_ADDRESS": "14/1d",
        "VALIDATOR_LIMITS_TOKENS_ADDRESS": "off",
        "VALIDATOR_LOCKOUT_FREE_FAILURES": "4",
    }

    with serving(validator.home, variables=SMALL | other) as server:
        said = validator.program("limits", "prove", f"http://{server.bind}", variables=SMALL)

    wrong = {line.split()[0]: line.split()[-3:] for line in said.out.splitlines() if line.endswith("False")}
    assert said.code == 1
    assert "not what it is configured to be" in said.err
    assert wrong == {
        "login_address": ["12", "13", "False"],
        "other_address": ["15", "14", "False"],
        "tokens_address": ["60", "61", "False"],
        "lockout": ["3", "4", "False"],
        "lockout_device": ["3", "4", "False"],
    }
