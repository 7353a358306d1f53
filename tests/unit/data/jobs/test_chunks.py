"""Chunks follow each other in the order of time, while a job fetches the later ones."""

from __future__ import annotations

import asyncio
import pickle
import threading

import polars as pl
import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.jobs.chunks import Chunks, chunks
from marketkit.data.lake import Lake
from marketkit.errors import BadResponse, NotPicklable
from marketkit.net.engine import Engine
from marketkit.timeframe import MINUTE, TIMEFRAMES
from tests.unit.data.lake.conftest import make_candles
from tests.waiting import PATIENCE

MINUTES = TIMEFRAMES["1m"]
SPAN = Span(0, 10 * MINUTE)


class Fetching:
    """A job as far as its chunks are concerned: it fills the lake, or fails."""

    def __init__(self, *errors: Exception, done: bool = True) -> None:
        self.done = done
        self.errors = dict(enumerate(errors))
        self.left = 0

    def leave(self) -> None:
        """Stop here."""
        self.left += 1

    def __await__(self):
        yield from asyncio.sleep(0).__await__()


class Filler:
    """A filler, of which only the lake is needed."""

    def __init__(self, lake) -> None:
        self.lake = lake


def cover(lake, end: int, symbol: str = "KRW-BTC", **more) -> None:
    rows = make_candles([slot * MINUTE for slot in range(end) if slot % 2], symbol)
    lake.append(symbol, "1m", rows, Spans([(0, end * MINUTE)]), **more)


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


async def all_of(lake, job, slots: int = 4, names=("KRW-BTC",)) -> list[pl.DataFrame]:
    made = chunks(Filler(lake), names, MINUTES, SPAN, job=job, slots=slots)
    return [frame async for frame in made]


def test_a_range_is_cut_into_chunks_of_so_many_slots(lake):
    cover(lake, 10)
    job = Fetching()
    frames = asyncio.run(all_of(lake, job))
    minutes = [(frame["time"].dt.epoch("ms") // MINUTE).to_list() for frame in frames]
    assert minutes == [[1, 3], [5, 7], [9]]
    assert set(frames[0]["state"]) == {"closed"}
    assert job.left == 1


def test_a_chunk_waits_until_all_of_it_is_known(lake):
    cover(lake, 4)

    async def main():
        job = Fetching(done=False)
        made = chunks(Filler(lake), ["KRW-BTC"], MINUTES, SPAN, job=job, slots=4)
        first = await anext(made)
        later = asyncio.ensure_future(anext(made))
        done, _ = await asyncio.wait({later}, timeout=0.2)
        assert not done
        cover(lake, 10)
        return first, await later

    first, second = asyncio.run(main())
    assert (first.height, second.height) == (2, 2)


def test_what_the_job_failed_with_is_raised(lake):
    cover(lake, 4)
    with pytest.raises(BadResponse, match="cut"):
        asyncio.run(all_of(lake, Fetching(BadResponse("cut"))))


def test_the_time_before_the_first_listing_is_passed_over_by_whole_chunks(lake):
    rows = make_candles([9 * MINUTE])
    covering = Spans([(9 * MINUTE, 10 * MINUTE)])
    lake.append("KRW-BTC", "1m", rows, covering, nothing_before=9 * MINUTE)
    frames = asyncio.run(all_of(lake, Fetching()))
    assert [frame.height for frame in frames] == [1]


def test_who_leaves_the_loop_leaves_the_job(lake):
    cover(lake, 10)

    async def main():
        job = Fetching()
        made = chunks(Filler(lake), ["KRW-BTC"], MINUTES, SPAN, job=job, slots=4)
        await anext(made)
        await made.aclose()
        return job.left

    assert asyncio.run(main()) == 1


def test_each_loop_begins_anew_and_sync_loops_are_like_async_ones():
    begun, ended = [], []

    async def numbers():
        begun.append(1)
        try:
            for number in range(3):
                yield number
        finally:
            ended.append(1)

    made = Chunks(numbers)

    async def main():
        return [number async for number in made]

    assert list(made) == asyncio.run(main()) == [0, 1, 2]
    for number in made:
        if number:
            break
    assert len(begun) == len(ended) == 3


class Steps:
    """Numbers that come when a test wishes, and a note of the end."""

    def __init__(self, *numbers: int | Exception) -> None:
        self.numbers = numbers
        self.may = threading.Event()
        self.began = threading.Event()
        self.ended = threading.Event()

    async def __call__(self):
        """Give the numbers."""
        try:
            self.began.set()
            for number in self.numbers:
                await asyncio.to_thread(self.may.wait, PATIENCE)
                if isinstance(number, Exception):
                    raise number
                yield number
        finally:
            self.ended.set()


def test_a_read_that_is_cancelled_takes_no_chunk_and_ends_nothing():
    steps = Steps(1, 2)

    async def main() -> list[int]:
        reader = aiter(Chunks(steps))
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(reader), 0.01)
        steps.may.set()
        return [number async for number in reader]

    assert asyncio.run(main()) == [1, 2]
    assert steps.ended.is_set()


def test_a_read_that_is_interrupted_takes_no_chunk_and_ends_nothing(monkeypatch):
    steps = Steps(1, 2)
    steps.may.set()
    reader, run, struck = iter(Chunks(steps)), Engine.run, []

    def interrupted(self, coroutine):
        result = run(self, coroutine)
        if not struck:
            struck.append(result)
            raise KeyboardInterrupt
        return result

    monkeypatch.setattr(Engine, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        next(reader)
    assert struck == [1]
    assert list(reader) == [1, 2]


def test_a_failure_is_raised_once_and_then_it_is_the_end():
    steps = Steps(1, OSError("gone"))
    steps.may.set()
    reader = iter(Chunks(steps))
    assert next(reader) == 1
    with pytest.raises(OSError, match="gone"):
        next(reader)
    assert list(reader) == []


def test_a_reader_is_left_by_closing_or_by_letting_go_of_it_whatever_it_waits_for():
    for let_go in (lambda reader: reader.close(), lambda reader: asyncio.run(reader.aclose())):
        steps = Steps(1)
        reader = iter(Chunks(steps))

        async def impatient(reader=reader) -> None:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(reader), 0.01)

        asyncio.run(impatient())
        assert steps.began.wait(PATIENCE)  # a busy machine may not have come to it
        let_go(reader)
        steps.may.set()
        assert steps.ended.wait(PATIENCE)


def test_a_reader_is_not_pickled():
    with pytest.raises(NotPicklable, match="ChunkReader"):
        pickle.dumps(iter(Chunks(Steps())))
