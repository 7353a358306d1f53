"""The memory tier: what is held, for how long, and within how many bytes."""

from __future__ import annotations

import asyncio
import gc
import sys
import tracemalloc
import weakref

import polars as pl

from marketkit import schema
from marketkit.cache.memory import COLUMN_BYTES, Memory, gather

SHAPE = {"symbol": pl.String, "depth": pl.Int64, "price": pl.Float64}


def book(symbols, depth=2, price=1.0):
    rows = [(symbol, level, price) for symbol in symbols for level in range(1, depth + 1)]
    return pl.DataFrame(rows, schema=SHAPE, orient="row")


def put(memory, symbols, *, made=0, life=1_000, now=0, shelf="books", **more):
    lives = dict.fromkeys(symbols, life)
    return memory.put(shelf, book(symbols, **more), symbols, made=made, lives=lives, now=now)


def test_what_was_put_is_found_until_its_life_is_over():
    memory = Memory()
    put(memory, ["KRW-A", "KRW-B"], made=100, life=200, now=150)
    assert all(memory.find("books", ["KRW-A", "KRW-B"], 299))
    assert memory.find("books", ["KRW-A", "KRW-B"], 300) == [None, None]
    assert memory.find("tickers", ["KRW-A"], 150) == [None]


def test_what_candles_were_made_of_is_kept_with_them():
    memory, lives = Memory(), {"KRW-A": 500, "KRW-B": 500}
    held = memory.put(
        "c", book(lives), list(lives), made=0, lives=lives, now=0, derived={"KRW-A": "1m"}
    )
    (found,) = memory.find("c", ["KRW-A"], 1)
    assert found.batch is held[0].batch
    assert found.batch.derived == {"KRW-A": "1m"}
    put(memory, ["KRW-A"])
    assert memory.find("books", ["KRW-A"], 1)[0].batch.derived == {}


def test_rows_come_in_the_order_asked_for_and_neighbours_are_not_copied():
    memory = Memory()
    put(memory, ["KRW-A", "KRW-B", "KRW-C"])
    a, b, c = memory.find("books", ["KRW-A", "KRW-B", "KRW-C"], 1)
    assert gather([a, b, c])["symbol"].to_list() == ["KRW-A"] * 2 + ["KRW-B"] * 2 + ["KRW-C"] * 2
    assert gather([b, c])["symbol"].to_list() == ["KRW-B"] * 2 + ["KRW-C"] * 2
    assert gather([c, a])["symbol"].to_list() == ["KRW-C"] * 2 + ["KRW-A"] * 2
    assert gather([b])["depth"].to_list() == [1, 2]


def test_rows_of_several_answers_are_put_together():
    memory = Memory()
    put(memory, ["KRW-A", "KRW-C"], price=1.0)
    put(memory, ["KRW-B"], price=2.0)
    found = memory.find("books", ["KRW-A", "KRW-B", "KRW-C"], 1)
    rows = gather(found).sort("symbol", "depth")
    assert rows["price"].to_list() == [1.0, 1.0, 2.0, 2.0, 1.0, 1.0]


def test_a_symbol_without_rows_is_known_to_have_none():
    memory = Memory()
    memory.put("t", book([]), ["KRW-A"], made=0, lives={"KRW-A": 500}, now=0)
    (held,) = memory.find("t", ["KRW-A"], 1)
    assert gather([held]).is_empty()


def test_an_older_answer_does_not_push_out_a_younger_one():
    memory = Memory()
    put(memory, ["KRW-A"], made=100, price=2.0, now=100)
    put(memory, ["KRW-A"], made=50, price=1.0, now=120)
    (held,) = memory.find("books", ["KRW-A"], 130)
    assert gather([held])["price"].to_list() == [2.0, 2.0]


def test_an_answer_that_is_dead_on_arrival_is_given_to_who_asked_and_not_kept():
    memory = Memory()
    (held,) = put(memory, ["KRW-A"], made=0, life=200, now=5_000)
    assert gather([held]).height == 2
    assert memory.stats().bytes == 0


def test_the_least_recently_used_answer_leaves_first():
    memory = Memory(max_bytes=10_000)
    size = put(memory, ["KRW-A"], life=10**6)[0].batch.bytes
    names = [f"KRW-B{number}" for number in range(10_000 // size - 1)]
    for now, name in enumerate(names, 1):
        put(memory, [name], life=10**6, now=now)
    assert memory.stats().evicted == 0
    memory.find("books", ["KRW-A"], 50)
    put(memory, ["KRW-Z"], life=10**6, now=60)
    assert memory.find("books", ["KRW-A", "KRW-Z", "KRW-B0"], 61)[2] is None
    assert all(memory.find("books", ["KRW-A", "KRW-Z"], 61))
    assert memory.stats().bytes <= 10_000


def test_one_huge_answer_does_not_push_out_everything_else():
    memory = Memory(max_bytes=20_000)
    put(memory, ["KRW-A"])
    put(memory, ["KRW-B"], depth=1_000)
    assert memory.find("books", ["KRW-A", "KRW-B"], 1)[1] is None
    assert memory.find("books", ["KRW-A"], 1)[0]


def test_the_bytes_of_python_objects_are_counted():
    """Tracemalloc sees what CPython takes; polars' own buffers are counted by polars."""
    # Interned before, for that table grows by leaps; its keys are counted as 60 bytes each.
    symbols = [sys.intern(f"KRW-M{number:05d}") for number in range(10_000)]
    frame = book(symbols, depth=1)
    lives = dict.fromkeys(symbols, 1_000)
    gc.collect()
    tracemalloc.start()
    memory = Memory()
    memory.put("t", frame, symbols, made=0, lives=lives, now=0)
    gc.collect()
    taken = tracemalloc.get_traced_memory()[0] + 60 * len(symbols)
    tracemalloc.stop()
    said = memory.stats().bytes - frame.estimated_size() - 3 * COLUMN_BYTES
    assert 0.9 * taken < said < 1.4 * taken


def test_ten_thousand_entries_take_less_than_half_of_a_dict_of_dicts():
    frame = pl.DataFrame(
        {
            name: [f"KRW-M{row:05d}" for row in range(10_000)]
            if name == "symbol"
            else pl.Series([row / 7 for row in range(10_000)]).cast(dtype)
            if dtype == pl.Float64
            else pl.Series(range(10_000), dtype=pl.Int64).cast(dtype)
            if dtype != schema.CHANGE
            else pl.Series(["RISE"] * 10_000, dtype=dtype)
            for name, dtype in schema.TICKER.items()
        }
    )
    symbols = frame["symbol"].to_list()
    gc.collect()
    tracemalloc.start()
    plain = {row["symbol"]: row for row in frame.rows(named=True)}
    dicts = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    memory = Memory()
    memory.put("t", frame, symbols, made=0, lives=dict.fromkeys(plain, 1_000), now=0)
    assert memory.stats().entries == 10_000
    assert memory.stats().bytes <= dicts / 2


def test_what_has_expired_is_let_go_without_a_thread_and_nothing_keeps_the_memory_alive():
    async def life():
        memory = Memory()
        put(memory, ["KRW-A"], made=0, life=10, now=5)
        memory.clean_later()
        timer = memory._timer
        timer._callback(*timer._args)  # what the loop does when the time has come
        assert memory.stats() == (0, 0, 0, memory.stats().max_bytes, 0)
        assert memory._timer is None  # nothing left to clean
        put(memory, ["KRW-A"], made=0, life=10, now=5)
        memory.clean_later()
        watch = weakref.ref(memory)
        del memory
        gc.collect()
        assert watch() is None
        timer._callback(*timer._args)
        timer.cancel()

    asyncio.run(life())
