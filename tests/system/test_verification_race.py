"""Guesses at customers by many callers at once: as many as the settings allow, over processes (TOCTOU)."""

from base64 import b64encode
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import orjson
import pytest

from tests.support.fakes import TENANT, FakeClock, open_with, populate
from tests.support.parallel_guessers import variables
from tests.support.server_process import TIMEOUT, serving
from validator.audit.reading import entries
from validator.customers.directory import Customer
from validator.errors import Reason
from validator.tokens.clients import Service

pytestmark = pytest.mark.slow

CODE, WRONG, FAILED = "CARD", "4321", 2
SETTINGS = {
    "verification.routes": f'["{CODE}=fields:card:4"]',
    "verification.customer_field": "account",
    "customers.source": "store",
    "database.timeout": "30s",  # a crowd waits for its turn instead of giving up
    "limits.verification_tenant": "off",
}
UNGUARDED = {"verification.caller_attempts": "100", "verification.customer_attempts": "1000"}
HANDS, BY_ONE, BY_MANY = 16, 24, 40
WORKERS = ("--workers", "2", "--threads", str(HANDS // 2))


def raced(folder: Path, settings: Mapping[str, str]) -> tuple[int, int]:
    """Return how many guesses were verified: of one number's at a customer, of many numbers' at another.

    Every other guess was refused for the attempts that are used up, and each response is "failed".
    """
    settings = {**SETTINGS, **settings}
    home = folder / "home"
    populate(home, settings)
    services = open_with(home, FakeClock(), settings)
    people = [
        Customer(name, (f"+861360625458{name[-1]}",), {"card": "6222020212341234"}) for name in ("C-1", "C-2")
    ]
    services.customers.put(TENANT, people, services.clock.now())
    client, secret = services.clients.add("flow", [TENANT], [Service.VERIFICATION])
    services.close()
    basic = b64encode(f"{client.id}:{secret}".encode()).decode()
    with serving(home, *WORKERS, variables=variables(settings)) as server, ThreadPoolExecutor(HANDS) as crowd:

        def guess(customer: str, number: str) -> int:
            connection = HTTPConnection(server.bind, timeout=TIMEOUT)
            call_data = {"callerNum": number, "account": customer, "answer": WRONG, "callid": customer}
            headers = {"Content-Type": "application/json", "Authorization": f"Basic {basic}"}
            connection.request(
                "POST", f"/rest/v1/verification/{CODE}", orjson.dumps({"calldata": call_data}), headers
            )
            answer = orjson.loads(connection.getresponse().read())
            connection.close()
            return int(answer["data"]["verifyResult"])

        verified = []
        for customer, numbers in (
            ("C-1", ["13606254580"] * BY_ONE),
            ("C-2", [f"137{number:08}" for number in range(BY_MANY)]),
        ):
            before = _verified(home)
            results = set(crowd.map(guess, [customer] * len(numbers), numbers))
            assert results == {FAILED}
            verified.append(_verified(home) - before)
    return verified[0], verified[1]


def _verified(home: Path) -> int:
    reasons = Counter(
        each.get("reason") for each in entries(home / "audit") if each["event"] == "verification"
    )
    assert set(reasons) <= {Reason.ANSWER_WRONG, Reason.ATTEMPTS_USED_UP}
    return reasons[Reason.ANSWER_WRONG]


def test_attempts_are_counted_exactly_by_two_workers(postgres_database: str, tmp_path: Path) -> None:
    """Three for a calling number and a customer, twenty for a customer in all."""
    assert raced(tmp_path, {"database.url": postgres_database}) == (3, 20)


def test_without_the_limits_every_guess_is_verified(postgres_database: str, tmp_path: Path) -> None:
    """The control: the same crowd, with many attempts allowed, has each of its guesses verified."""
    assert raced(tmp_path, {"database.url": postgres_database, **UNGUARDED}) == (BY_ONE, BY_MANY)
