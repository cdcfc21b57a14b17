"""The address limits: every route counts the source of a request, and shows how much is left."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask_limiter import RateLimitExceeded
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from tests.support.fakes import FakeClock
from tests.support.limit_parts import limits_policy
from validator.errors import Fault, Refusal
from validator.exchange import Exchange
from validator.limits.policy import UNKNOWN
from validator.limits.rate_limits import RateLimits, source_bucket
from validator.web import middleware, ratelimit
from validator.web.policy import ServerPolicy

# The endpoints of the small application: some with a separate limit, some without.
ENDPOINTS = (
    "webchat.guest",
    "webchat.authorize",
    "login.log_in",
    "login.log_out",
    "health.alive",
    "health.ready",
    "health.look",
)
POLICY = ServerPolicy("127.0.0.1:0", "all", 1, 1, timedelta(), timedelta(), 0, (), (), 1024)
Asked = Callable[..., TestResponse]


class Door:
    """A small application behind the limits, whose views do nothing but answer."""

    def __init__(self, rate_limits: RateLimits) -> None:
        self.answered = 0
        app = Flask("door")
        for endpoint in ENDPOINTS:
            app.add_url_rule(f"/{endpoint}", endpoint, self._view(endpoint), methods=["GET", "POST"])
        middleware.install(app, POLICY)
        ratelimit.install(app, rate_limits)
        ratelimit.RouteLimiter(rate_limits).init_app(app)
        app.register_error_handler(RateLimitExceeded, lambda _: self._refuse(rate_limits.last_refusal()))
        app.register_error_handler(Refusal, self._refuse)
        app.register_error_handler(Fault, lambda fault: (str(fault.reason), 503))
        self._browser = app.test_client()

    def ask(
        self,
        path: str,
        source: str = "192.0.2.7",
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
    ) -> TestResponse:
        """Return the answer to a request from an address."""
        sender = {"REMOTE_ADDR": source}
        return self._browser.open(f"/{path}", method=method, headers=headers, environ_overrides=sender)

    def statuses(self, path: str, times: int, source: str = "192.0.2.7", method: str = "GET") -> list[int]:
        """Return the status of each of several answers."""
        return [self.ask(path, source, method).status_code for _ in range(times)]

    def _view(self, endpoint: str) -> Callable[[], str]:
        def answer() -> str:
            self.answered += 1
            return "done"

        return answer

    def _refuse(self, refusal: Refusal) -> tuple[str, int, dict[str, str]]:
        wait = refusal.retry_after or timedelta(0)
        return str(refusal.reason), 429, {"Retry-After": str(int(wait.total_seconds()))}


@pytest.fixture
def door(tmp_path: Path) -> Callable[..., Door]:
    """Return what makes a door with rates by their limits' names."""

    def make(**options: object) -> Door:
        policy = limits_policy(tmp_path / "counters", **options)  # type: ignore[arg-type]
        return Door(RateLimits(policy, FakeClock(), workers=1))

    return make


LIMIT_OF = {
    "webchat.guest": "guest_address",
    "webchat.authorize": "guest_address",
    "login.log_in": "login_address",
    "login.log_out": "other_address",
    "health.look": "other_address",
    "nowhere": "other_address",
}


@pytest.mark.parametrize("path", LIMIT_OF)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_route_and_none_is_limited_by_address(
    door: Callable[..., Door], path: str, method: str
) -> None:
    """As many as the limit says are answered, by whatever method; one more is refused and reaches no view."""
    guarded = door(**{LIMIT_OF[path]: "3/1m"})
    good = 404 if path == "nowhere" else 200

    assert guarded.statuses(path, 5, method=method) == [good] * 3 + [429] * 2
    assert guarded.answered == (0 if path == "nowhere" else 3)
    assert guarded.statuses(path, 1, source="192.0.2.8", method=method) == [good]


def test_wrong_method_counts_as_no_route(door: Callable[..., Door]) -> None:
    """Asking with a method that a route does not have is limited, too."""
    guarded = door(other_address="3/1m")

    assert guarded.statuses("webchat.guest", 5, method="DELETE") == [405] * 3 + [429] * 2


def test_routes_of_one_limit_share_it(door: Callable[..., Door]) -> None:
    """An address has one count for all routes that a limit is on, and another for another limit's."""
    guarded = door(guest_address="4/1m", other_address="2/1m")

    assert guarded.statuses("webchat.guest", 2) + guarded.statuses("webchat.authorize", 3) == [200] * 4 + [
        429
    ]
    assert guarded.statuses("health.look", 1) + guarded.statuses("nowhere", 2) == [200, 404, 429]


def test_what_is_not_at_the_door_is_not_counted_there(door: Callable[..., Door]) -> None:
    """Limits of guests, channels and callers are counted by the room that knows them."""
    guarded = door(signing_guest="1/1m", signing_all="1/1m", guest_address="9/1m")

    assert guarded.statuses("webchat.authorize", 5) == [200] * 5


def test_limit_that_is_off_lets_everybody_pass(door: Callable[..., Door]) -> None:
    """Without a rate there is no limit, and no header of one."""
    guarded = door()

    assert set(guarded.statuses("health.look", 20)) == {200}
    assert not [name for name, _ in guarded.ask("health.look").headers if name.startswith("RateLimit")]


def test_limit_in_shadow_refuses_nobody(door: Callable[..., Door]) -> None:
    """Every request passes, and the log has those beyond the limit."""
    guarded = door(other_address="3/1m", shadow=["other_address"])

    with capture_logs() as logs:
        assert guarded.statuses("health.look", 5) + guarded.statuses("nowhere", 2) == [200] * 5 + [404] * 2

    assert [entry["mode"] for entry in logs if entry["event"] == "limit reached"] == ["shadow"] * 4


@pytest.mark.parametrize("source", ["", "-", "nonsense", "192.0.2.7:80"])
def test_request_without_an_address_is_limited(door: Callable[..., Door], source: str) -> None:
    """All requests without an address share one count: an empty key would switch the limit off."""
    guarded = door(other_address="3/1m")

    assert guarded.statuses("health.look", 2, source) == [200] * 2
    assert guarded.statuses("health.look", 2, "elsewhere") == [200, 429]


def test_source_is_that_of_the_exchange() -> None:
    """Who is counted is the address that the middleware found, by its bucket."""
    for source, bucket in (("-", UNKNOWN), ("2001:db8::7", "2001:db8::/64"), ("192.0.2.7", "192.0.2.7")):
        assert source_bucket(Exchange("request-1", source, "all")) == bucket


def test_header_cannot_change_who_is_counted(door: Callable[..., Door]) -> None:
    """flask-limiter itself looks at no header."""
    guarded = door(other_address="1/1m")
    assert guarded.ask("health.look").status_code == 200

    for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "Client-IP"):
        answer = guarded.ask("health.look", headers={name: "192.0.2.99", "Host": "192.0.2.99"})
        assert answer.status_code == 429


def test_answer_tells_the_limit_and_its_state(door: Callable[..., Door]) -> None:
    """The fields of the draft: each limit with its quota and window, and what is left and until when."""
    guarded = door(guest_address="3/1m 100/1h")

    first, *_ = [guarded.ask("webchat.guest") for _ in range(3)]
    refused = guarded.ask("webchat.guest")

    assert first.headers["RateLimit-Policy"] == '"guest_address";q=3;w=60, "guest_address";q=100;w=3600'
    assert first.headers["RateLimit"] == '"guest_address";r=2;t=0, "guest_address";r=99;t=0'
    assert refused.status_code == 429
    assert refused.headers["RateLimit"].startswith('"guest_address";r=0;t=')
    seconds = int(refused.headers["RateLimit"].split(";t=")[1].split(",")[0])
    assert seconds == int(refused.headers["Retry-After"]) > 0


@pytest.mark.parametrize("path", ["login.log_in"])
def test_login_does_not_tell_its_limit(door: Callable[..., Door], path: str) -> None:
    """No response to a guessed password shows how many more guesses pass."""
    guarded = door(login_address="3/1m")

    answers = [guarded.ask(path) for _ in range(5)]

    assert not [name for answer in answers for name, _ in answer.headers if name.startswith("RateLimit")]


def test_without_its_counters_a_route_is_unavailable(door: Callable[..., Door], tmp_path: Path) -> None:
    """Nothing but a probe is answered uncounted."""
    (tmp_path / "counters").write_bytes(b"this is not a database" * 512)
    guarded = door(other_address="3/1m", guest_address="3/1m", login_address="3/1m")

    for path in LIMIT_OF:
        answer = guarded.ask(path)
        assert (answer.status_code, answer.text) == (503, "store_unavailable")
    assert guarded.answered == 0


@pytest.mark.parametrize("path", ["health.alive", "health.ready"])
def test_probes_are_never_counted(door: Callable[..., Door], tmp_path: Path, path: str) -> None:
    """A probe is answered however often it asks, when its address used up every limit, without counters."""
    guarded = door(other_address="3/1m")
    assert guarded.statuses("nowhere", 5) == [404] * 3 + [429] * 2

    assert guarded.statuses(path, 20) == [200] * 20
    (tmp_path / "counters").rename(tmp_path / "removed")
    (tmp_path / "counters").touch()
    assert guarded.statuses(path, 5) == [200] * 5
