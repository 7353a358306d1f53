"""A small store of a caller's own objects, for programs that used the older provider's cache."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

from marketkit.clock import age_clock
from marketkit.compat.older.models import percent

_LIFE = 60.0  # seconds, as the older memory tier
_MOST = 10_000  # entries, the least recently used leaving first


class _Entry(NamedTuple):
    until: int
    data: Any


class CacheSystem:
    """Objects by key and kind for some seconds; safe in any thread.

    Answers of the exchange are not in here: marketkit remembers them as columns, each for as long
    as it may be given again. `fast_cache` and `memory_cache` are this same store.
    """

    def __init__(
        self,
        max_entries: int = _MOST,
        ttl_seconds: float = _LIFE,
        clock: Callable[[], int] = age_clock,
    ) -> None:
        self._most, self._life, self._clock = max_entries, ttl_seconds, clock
        self._entries: OrderedDict[tuple[str, str], _Entry] = OrderedDict()
        self._lock = threading.Lock()
        self._hits = self._misses = 0

    @property
    def fast_cache(self) -> CacheSystem:
        """The store."""
        return self

    @property
    def memory_cache(self) -> CacheSystem:
        """The store."""
        return self

    def set(self, key: str, data: Any, data_type: str = "", ttl: float | None = None) -> None:
        """Keep an object for `ttl` seconds (60), under a key and a kind of data."""
        life = self._life if ttl is None else ttl
        with self._lock:
            self._entries[data_type, key] = _Entry(self._clock() + round(life * 1000), data)
            self._entries.move_to_end((data_type, key))
            while len(self._entries) > self._most:
                self._entries.popitem(last=False)

    def get(self, key: str, data_type: str = "") -> Any:
        """Give the object kept, or None."""
        with self._lock:
            entry = self._entries.get((data_type, key))
            if entry is None or entry.until <= self._clock():
                self._entries.pop((data_type, key), None)
                self._misses += 1
                return None
            self._entries.move_to_end((data_type, key))
            self._hits += 1
            return entry.data

    def delete(self, key: str, data_type: str = "") -> bool:
        """Let an object go; say whether there was one."""
        with self._lock:
            return self._entries.pop((data_type, key), None) is not None

    def clear(self) -> None:
        """Let all objects go."""
        with self._lock:
            self._entries.clear()

    def cleanup(self) -> int:
        """Drop the expired objects, and give the number."""
        with self._lock:
            now = self._clock()
            old = [key for key, entry in self._entries.items() if entry.until <= now]
            for key in old:
                del self._entries[key]
            return len(old)

    def get_comprehensive_stats(self) -> dict[str, Any]:
        """Give size, bound, hits, misses, `hit_rate` (percent) and the megabytes taken."""
        with self._lock:
            told = {
                "size": len(self._entries),
                "max_size": self._most,
                "hits": self._hits,
                "misses": self._misses,
                "hit_rate": percent(self._hits, self._hits + self._misses),
                "memory_usage_mb": sum(map(_bytes, self._entries.items())) / 1e6,
            }
        return {**told, "fast_cache": told, "memory_cache": told}


def _bytes(item: tuple[tuple[str, str], _Entry]) -> int:
    """Count the bytes of an entry and of the objects directly inside."""
    (kind, key), entry = item
    parts = [kind, key, entry, entry.data]
    if isinstance(entry.data, dict):
        parts += [*entry.data, *entry.data.values()]
    return sum(map(sys.getsizeof, parts))
