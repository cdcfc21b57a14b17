"""Logins and revocations while the callback is measured: an answer that was cached would be noticed.

Twice a second somebody logs in, or a token is revoked that was accepted a moment ago. The next response about
it must refuse it.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle

import orjson

from benchmarks import traffic
from benchmarks.enterprise import AGENT_PATH, RIGHT
from benchmarks.load import Address, ask, post
from benchmarks.population import TENANTS, Size
from benchmarks.traffic import Question
from validator.accounts.identity import Identity
from validator.exchange import Exchange
from validator.services import Services
from validator.tokens.revocation import token_target

_PAUSE = 0.5  # seconds between two changes
_LOGIN, _PASSWORD = "benchmark", "a phrase that only a benchmark types"
_REVOKED = b'"retCode":2,'
_EXCHANGE = Exchange("0" * 32, "203.0.113.9", "people")


class Changes:
    """Changes in the enterprise of *services*, and their number so far."""

    def __init__(self, services: Services, size: Size) -> None:
        self.logins = self.revocations = self.errors = 0
        self._services = services
        self._tokens = iter(traffic.agents(services, size, 10_000, seed=2))
        password_hash = services.passwords.hash(_PASSWORD)
        services.accounts.add(_LOGIN, TENANTS[0], password_hash, Identity(_LOGIN))
        self._next = cycle((self._log_in, self._revoke))

    @contextmanager
    def during(self, address: Address) -> Iterator[None]:
        """Make changes while the block lasts; ask the server at *address* about what is revoked."""
        is_over = threading.Event()

        def change() -> None:
            while not is_over.wait(_PAUSE):
                try:
                    next(self._next)(address)
                except OSError:
                    self.errors += 1

        thread = threading.Thread(target=change, daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()

    def figures(self) -> dict[str, int]:
        """Return the figures for a report."""
        return {"logins": self.logins, "revocations": self.revocations, "errors": self.errors}

    def _log_in(self, _address: Address) -> None:
        self._services.login.authenticate(_EXCHANGE, _LOGIN, _PASSWORD)
        self.logins += 1

    def _revoke(self, address: Address) -> None:
        question = next(self._tokens)
        was_good = RIGHT in _answer(address, question)
        claims = question.claims
        self._services.revocations.revoke(token_target(claims.subject.tenant, claims.jti))
        self.errors += not (was_good and _REVOKED in _answer(address, question))
        self.revocations += 1


def _answer(address: Address, question: Question) -> bytes:
    return ask(address, post(AGENT_PATH, orjson.loads(question.body), X_Forwarded_For="203.0.113.1"))
