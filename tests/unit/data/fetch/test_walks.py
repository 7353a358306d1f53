"""Walks side by side: what they prove is in the lake, whatever ends them."""

from __future__ import annotations

import asyncio

import pytest

from marketkit.coverage import Spans
from marketkit.data.fetch import walks as walking
from marketkit.data.fetch.walks import FLUSH_PAGES, Buffer, FetchRun, WalkState, share, walk_all
from marketkit.data.lake import Lake
from marketkit.data.lake.places.bucket import Bucket
from marketkit.data.lake.store.mirror import Mirror
from marketkit.errors import UnknownSymbol
from marketkit.exchange.dialect import Page
from marketkit.exchange.upbit.proof import CandleRange
from marketkit.exchange.upbit.rest import PAGE
from marketkit.progress import Progress, Reporter
from marketkit.schema import ROW, empty
from marketkit.timeframe import HOUR, MINUTE, TIMEFRAMES, parse_time

MINUTES = TIMEFRAMES["1m"]
NOW = parse_time("2026-03-10T12:00:30Z")
START, END = parse_time("2026-03-10T00:00Z"), parse_time("2026-03-10T08:00Z")
SLOTS = 480


def walk(symbol: str = "KRW-BTC", start: int = START, end: int = END) -> CandleRange:
    return CandleRange(symbol, MINUTES, start, end)


async def all_of(filler, run: FetchRun, *walks: CandleRange) -> None:
    await walk_all(filler.lake, filler.transport, walks, run, side_by_side=2)


def asked(exchange) -> int:
    return exchange.stats()["groups"].get("candles", {"requests": 0})["requests"]


def test_a_walk_leaves_no_gap_and_counts_its_work(fetch, exchange):
    async def main(filler, run):
        await all_of(filler, run, walk())
        assert not filler.lake.missing("KRW-BTC", "1m", START, END)
        assert run.rows == filler.lake.read("KRW-BTC", "1m").height
        return run

    run = fetch(main)
    progress = run.reporter.progress
    assert run.requests == progress.requests == asked(exchange) == 3
    assert (progress.done, progress.total) == (SLOTS, SLOTS)
    assert run.at == NOW // 1000 * 1000
    assert run.asked == {"KRW-BTC"}


def test_a_symbol_that_fails_is_told_and_the_others_go_on(fetch):
    async def main(filler, run):
        await all_of(filler, run, walk("KRW-NOPE"), walk("KRW-NOPE", end=END - HOUR), walk())
        assert not filler.lake.missing("KRW-BTC", "1m", START, END)
        return run.failures

    failures = fetch(main)
    assert set(failures) == {"KRW-NOPE"}
    assert isinstance(failures["KRW-NOPE"], UnknownSymbol)


def test_rows_that_are_too_young_are_given_and_not_kept(fetch):
    async def main(filler, run):
        await all_of(filler, run, walk(start=NOW - 10 * MINUTE, end=NOW + MINUTE))
        (young,) = run.young["KRW-BTC"]
        settled = MINUTES.floor(NOW - 60_000)
        assert young["time"].dt.epoch("ms").min() >= settled
        assert filler.lake.covered("KRW-BTC", "1m").hull.end == settled

    fetch(main)


def test_while_a_run_is_paused_nothing_is_sent(fetch, exchange):
    async def main(filler, run):
        run.pause()
        task = asyncio.create_task(all_of(filler, run, walk()))
        done, _ = await asyncio.wait({task}, timeout=0.2)
        assert (done, asked(exchange), run.reporter.progress.state) == (set(), 0, "paused")
        run.go_on()
        await task
        assert run.reporter.progress.state == "running"
        assert not filler.lake.missing("KRW-BTC", "1m", START, END)

    fetch(main)


def test_on_cancellation_the_pages_in_hand_are_written(fetch, exchange):
    async def main(filler, run):
        reached = asyncio.Event()
        run.reporter.attach(lambda: run.requests >= 2 and reached.set())
        task = asyncio.create_task(all_of(filler, run, walk(start=START - 200 * HOUR)))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        covered = sum(end - start for start, end in filler.lake.covered("KRW-BTC", "1m"))
        assert covered // MINUTE == run.reporter.progress.done > PAGE

    fetch(main)


def test_who_has_nothing_to_do_takes_the_older_half_of_the_longest_walk():
    long, short = walk(start=0, end=100 * PAGE * MINUTE), walk(start=0, end=30 * PAGE * MINUTE)
    half = share([WalkState(short, short.end), WalkState(long, long.end)])
    assert (half.start, half.end) == (0, 50 * PAGE * MINUTE)
    assert long.start == half.end
    assert short.start == 0


def test_a_walk_that_is_nearly_done_is_not_shared():
    nearly = walk(start=0, end=100 * PAGE * MINUTE)
    assert share([WalkState(nearly, to=19 * PAGE * MINUTE)]) is None
    assert share([]) is None


def test_an_empty_page_settles_everything_older():
    run = FetchRun("normal", Reporter(Progress("it"), show=False))
    whole = walk()
    run.planned([whole])
    page = Page(empty(ROW), Spans(), nothing_before=END)
    assert run.answered(whole, page, empty(ROW), NOW) == SLOTS
    assert run.reporter.progress.done == SLOTS


async def written(lake, count: int) -> list[int]:
    """Give how many pages were in the lake after each that came, and after the end."""
    buffer, seen = Buffer(lake, walk(), lambda _: None), list[int]()
    for at in range(count):
        start = END - (at + 1) * HOUR
        await buffer.add(Page(empty(ROW), Spans([(start, start + HOUR)])), END)
        await buffer._settle()
        seen.append(lake.covered("KRW-BTC", "1m").total // HOUR)
    await buffer.flush()
    return [*seen, lake.covered("KRW-BTC", "1m").total // HOUR]


def test_into_a_folder_pages_are_written_by_tens(tmp_path):
    seen = asyncio.run(written(Lake(tmp_path / "lake"), FLUSH_PAGES + 1))
    assert seen == [0] * (FLUSH_PAGES - 1) + [FLUSH_PAGES, FLUSH_PAGES, FLUSH_PAGES + 1]


@pytest.mark.parametrize(("seconds", "first"), [(15.0, 0), (0.0, 1)])
def test_into_a_bucket_pages_are_written_at_the_end_or_after_a_while(
    tmp_path, monkeypatch, seconds, first
):
    store = pytest.importorskip("obstore.store").MemoryStore()
    monkeypatch.setattr(walking, "FLUSH_AFTER", seconds)
    lake = Lake(Mirror(tmp_path, "memory://x/lake", Bucket("memory://x/lake", store)))
    seen = asyncio.run(written(lake, FLUSH_PAGES + 2))
    assert seen[0] == first
    assert seen[-2] == (FLUSH_PAGES + 2) * first
    assert seen[-1] == FLUSH_PAGES + 2
