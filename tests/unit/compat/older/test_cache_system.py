"""The store of a caller's own objects: life, bound, counts."""

from __future__ import annotations

from marketkit.compat.older.cache_system import CacheSystem


def test_an_object_is_given_for_as_long_as_it_lives():
    now = [0]
    cache = CacheSystem(clock=lambda: now[0])
    cache.set("one", {"price": 1})
    cache.set("two", {"price": 2}, ttl=0.2)
    assert cache.get("one") == {"price": 1}
    now[0] = 200
    assert cache.get("two") is None
    now[0] = 60_000
    assert cache.get("one") is None
    stats = cache.get_comprehensive_stats()
    assert (stats["hits"], stats["misses"], stats["size"]) == (1, 2, 0)


def test_kinds_of_data_do_not_share_a_key():
    cache = CacheSystem()
    cache.set("KRW-BTC", 1, "ticker")
    cache.set("KRW-BTC", 2, "candles")
    assert cache.get("KRW-BTC", "ticker") == 1
    assert cache.get("KRW-BTC") is None
    assert cache.delete("KRW-BTC", "ticker")
    assert not cache.delete("KRW-BTC", "ticker")
    assert cache.get("KRW-BTC", "candles") == 2


def test_the_least_recently_used_leaves_first():
    cache = CacheSystem(max_entries=2)
    cache.set("a", 1)
    cache.set("b", 2)
    cache.get("a")
    cache.set("c", 3)
    assert [cache.get(key) for key in "abc"] == [1, None, 3]


def test_expired_ones_are_counted_when_they_go_and_all_can_go():
    now = [0]
    cache = CacheSystem(clock=lambda: now[0])
    cache.set("short", 1, ttl=1)
    cache.set("long", 1)
    now[0] = 1_000
    assert cache.cleanup() == 1
    cache.fast_cache.clear()
    assert cache.memory_cache.get_comprehensive_stats()["size"] == 0


def test_figures_are_real_and_named_as_before():
    cache = CacheSystem()
    empty = cache.get_comprehensive_stats()
    assert (empty["hit_rate"], empty["memory_usage_mb"]) == (0.0, 0.0)
    for number in range(1_000):
        cache.set(f"test_{number}", {"data": number * 100})
    cache.get("test_1")
    stats = cache.get_comprehensive_stats()
    assert stats["fast_cache"]["size"] == 1_000
    assert 0.05 < stats["memory_cache"]["memory_usage_mb"] < 1
    assert stats["hit_rate"] == 100.0
