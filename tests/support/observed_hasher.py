"""A password hasher that can be watched, for tests that count guesses or are fast."""

from collections import Counter
from collections.abc import Callable
from typing import Literal

from argon2 import PasswordHasher

# Nothing is learned about argon2 by waiting for it.
CHEAPEST = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class ObservedHasher(PasswordHasher):
    """Hashes at the cost of another hasher, and reports every verification before it runs."""

    def __init__(self, like: PasswordHasher) -> None:
        super().__init__(like.time_cost, like.memory_cost, like.parallelism)
        self.verifications = 0
        self.guesses: Counter[str] = Counter()  # by the hash that was guessed at
        self.meanwhile: Callable[[], object] = lambda: None

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - the library's
        """Verify, really."""
        self.verifications += 1
        self.guesses[str(hash)] += 1
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        return super().verify(hash, password)
