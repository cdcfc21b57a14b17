"""Counters in Redis (Valkey), which several nodes share: the library's storage, counting several at once.

The names of the windows' keys and the library's script are undocumented; no other module relies on them.
`tests/architecture/test_library_internals.py` checks them, and fails for a version outside `TESTED`.
"""

from collections.abc import Sequence

from limits.errors import StorageError
from limits.storage import RedisStorage

from validator.limits.entry import Entry

TESTED = ">=5.8,<5.9"

# The library's `acquire_sliding_window.lua` for several counters: all are weighed before one is counted.
# KEYS has two for each counter, its past and its present window; ARGV its limit and its length in seconds.
_ACQUIRE_ALL = b"""
for i = 1, #KEYS, 2 do
    local limit, length = tonumber(ARGV[i]), tonumber(ARGV[i + 1]) * 1000
    local left = redis.call('pttl', KEYS[i + 1])
    if left > 0 and left < length then
        redis.call('rename', KEYS[i + 1], KEYS[i])
        redis.call('set', KEYS[i + 1], 0, 'PX', left + length)
    end
    local past = tonumber(redis.call('get', KEYS[i])) or 0
    local sight = math.max(0, redis.call('pttl', KEYS[i]))
    local present = tonumber(redis.call('get', KEYS[i + 1])) or 0
    if math.floor(past * sight / length) + present + 1 > limit then
        return 0
    end
end
for i = 1, #KEYS, 2 do
    if redis.call('exists', KEYS[i + 1]) == 1 then
        redis.call('incr', KEYS[i + 1])
    else
        redis.call('set', KEYS[i + 1], 1, 'PX', tonumber(ARGV[i + 1]) * 2000)
    end
end
return 1
"""


class SharedStorage(RedisStorage):
    """The library's storage in Redis, which also counts several entries at once."""

    def initialize_storage(self, uri: str) -> None:
        """Register the library's scripts, and the one for several entries."""
        super().initialize_storage(uri)
        self._acquire_all = self.get_connection().register_script(_ACQUIRE_ALL)

    def acquire_sliding_window_entries(self, entries: Sequence[Entry]) -> bool:
        """Count one for each of *entries* if that keeps all of them within their limits, else nothing.

        Raises StorageError when Redis is unavailable.
        """
        keys = [self.prefixed_key(name) for each in entries for name in self._window_keys(each.key)]
        limits = [number for each in entries for number in (each.limit, each.expiry)]
        try:
            return bool(self._acquire_all(keys, limits))
        except self.base_exceptions as error:
            raise StorageError(error) from error

    def acquire_each(self, groups: Sequence[Sequence[Entry]]) -> list[bool]:
        """Do `acquire_sliding_window_entries` for each of *groups*; return the result of each."""
        return [self.acquire_sliding_window_entries(entries) for entries in groups]

    def _window_keys(self, key: str) -> tuple[str, str]:
        return self._previous_window_key(key), self._current_window_key(key)
