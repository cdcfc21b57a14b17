"""A flood of strangers' logins, and a person whose browser is known, with and without the reserved slot."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPConnection, HTTPException
from itertools import count
from pathlib import Path
from shutil import copytree

import orjson
import pytest
from werkzeug.serving import make_server

from tests.support.fakes import LOGIN, PASSWORD, Credentials
from tests.support.parallel_guessers import variables
from tests.support.server_process import TIMEOUT, free_bind, serving, wait_until
from validator.accounts.devices import cookie_name
from validator.accounts.login import Login
from validator.app import create_app
from validator.passwords.bulkhead import Bulkhead
from validator.services import Services, open_services
from validator.settings.loading import load

SETTINGS = {"limits.login_address": "off", "lockout.prefix_failures": "off"}
PEOPLES_POOL = ("--role", "people", "--workers", "1", "--threads", "2")
STRANGERS, LOGINS = 8, 12
OWN_ADDRESS = "127.0.3.1"


def log_in(bind: str, source: str, account: str, password: str, cookie: str = "") -> tuple[int, str]:
    """Return the status of a login from *source*, and the device cookie that it brings."""
    host, _, port = bind.rpartition(":")
    connection = HTTPConnection(host, int(port), timeout=TIMEOUT, source_address=(source, 0))
    body = orjson.dumps({"account": account, "password": password})
    try:
        connection.request(
            "POST", "/api/v1/login", body, {"Content-Type": "application/json", "Cookie": cookie}
        )
        answer = connection.getresponse()
        answer.read()
        cookies = answer.headers.get_all("Set-Cookie") or []
    finally:
        connection.close()
    devices = (each.partition(";")[0] for each in cookies if each.startswith(cookie_name(LOGIN)))
    return answer.status, next(devices, "")


@contextmanager
def flood(bind: str) -> Iterator[Counter[int]]:
    """Let strangers log in as nobody, from many addresses, as fast as they can; count the statuses."""
    is_over, statuses = threading.Event(), Counter[int]()

    def go_on(stranger: int) -> None:
        for number in count():
            if is_over.is_set():
                return
            source = f"127.0.{10 + stranger}.{1 + number % 200}"
            try:
                statuses[log_in(bind, source, f"nobody{stranger}-{number}", "a wrong guess")[0]] += 1
            except (OSError, HTTPException):
                statuses[0] += 1

    strangers = [threading.Thread(target=go_on, args=(number,)) for number in range(STRANGERS)]
    for thread in strangers:
        thread.start()
    try:
        wait_until(lambda: statuses[503] > STRANGERS, "strangers are refused a slot")
        yield statuses
    finally:
        is_over.set()
        for thread in strangers:
            thread.join(TIMEOUT)


def logins_during_a_flood(bind: str) -> Counter[int]:
    """Return the statuses of logins at a known browser while strangers flood the server at *bind*."""
    status, cookie = log_in(bind, OWN_ADDRESS, LOGIN, PASSWORD)
    assert (status, bool(cookie)) == (200, True)
    with flood(bind) as strangers:
        statuses = Counter(log_in(bind, OWN_ADDRESS, LOGIN, PASSWORD, cookie)[0] for _ in range(LOGINS))
    assert set(strangers) <= {401, 503}
    return statuses


def test_known_browser_gets_in_at_the_peoples_pool(
    populated: tuple[Path, Credentials], tmp_path: Path
) -> None:
    """With one worker and two threads, every login of the known browser succeeds while strangers get 503."""
    home = copytree(populated[0], tmp_path / "home")

    with serving(home, *PEOPLES_POOL, variables=variables(SETTINGS)) as server:
        assert logins_during_a_flood(server.bind) == {200: LOGINS}


@contextmanager
def threads_with(home: Path, bulkhead: Bulkhead) -> Iterator[str]:
    """Give where a server of threads listens whose hashing slots are *bulkhead*."""
    services = open_services(load(home, environment=variables(SETTINGS)))
    bind = free_bind()
    host, _, port = bind.rpartition(":")
    server = make_server(host, int(port), create_app(with_slots(services, bulkhead)), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield bind
    finally:
        server.shutdown()
        thread.join(TIMEOUT)
        server.server_close()
        services.close()


def with_slots(services: Services, bulkhead: Bulkhead) -> Services:
    """Return *services* with other hashing slots."""
    login = Login(
        services.accounts,
        services.passwords,
        services.settings.passwords,
        services.trail,
        bulkhead=bulkhead,
        lockout=services.lockout,
        devices=services.devices,
    )
    return replace(services, login=login)


@pytest.mark.parametrize("has_reserved_slot", [True, False])
def test_known_browser_starves_without_the_kept_slot(
    populated: tuple[Path, Credentials], tmp_path: Path, has_reserved_slot: bool
) -> None:
    """The same server with as many slots, none of them kept, turns the known browser away too."""
    home = copytree(populated[0], tmp_path / "home")

    with threads_with(home, Bulkhead(2, has_reserved_slot=has_reserved_slot)) as bind:
        statuses = logins_during_a_flood(bind)

    if has_reserved_slot:
        assert statuses == {200: LOGINS}
    else:
        assert statuses[503] > 0
