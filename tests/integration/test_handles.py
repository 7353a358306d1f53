"""One contract for feeds, live series, recordings and jobs, on real sockets."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest

import marketkit as mk
from marketkit import schema
from marketkit.net.engine import engine
from marketkit.net.handle import Handle
from marketkit.realtime.handle import REGISTRY
from marketkit.sandbox import Sandbox
from tests.integration.conftest import FAST, NOW
from tests.integration.test_watch import streaming
from tests.waiting import PATIENCE, wait

SPAN = {"start": "2026-05-01", "end": "2026-11-19"}


@pytest.fixture(scope="module")
def _own() -> Iterator[Sandbox]:
    with Sandbox(seed=1, now=NOW, speed=0, limit=FAST) as sandbox:
        yield sandbox


@pytest.fixture
def exchange(_own: Sandbox) -> Sandbox:
    """A sandbox of these tests, which break it; its clock only goes on."""
    _own.set_faults({})
    return _own


class Bench(NamedTuple):
    """A provider, its exchange, and a folder."""

    provider: mk.SmartDataProvider
    exchange: Sandbox
    folder: Path

    def step(self, seconds: float) -> None:
        """Let time pass over there, and let the provider hear of it."""
        self.exchange.advance(seconds)
        self.provider.get_candle("KRW-XRP", "1m", count=1, source="exchange")

    def tape(self) -> Path:
        """Record two minutes of candles."""
        folder = self.folder / "replayed"
        with self.provider.record("KRW-BTC", "candle.1m", to=folder) as recording:
            wait(lambda: recording.counts)
            self.step(60)
            self.step(60)
            wait(lambda: recording.counts["candle.1m"] >= 3)
        return folder


@pytest.fixture
def bench(provider, exchange, tmp_path) -> Bench:
    """A bench whose provider knows the markets; no handle of another test is registered."""
    for handle in REGISTRY:
        handle.close()
    provider.get_market()
    return Bench(provider, exchange, tmp_path)


def watch(bench: Bench) -> mk.Feed:
    feed = bench.provider.watch("KRW-BTC", "ticker")
    assert feed.wait(PATIENCE)
    return feed


def live(bench: Bench) -> mk.Live:
    return bench.provider.live("KRW-BTC", "1m", history="10m", show=False)


def record(bench: Bench) -> mk.Recording:
    recording = bench.provider.record("KRW-BTC", "trade", to=bench.folder / "tape")
    wait(lambda: recording.counts)
    return recording


def backfill(bench: Bench) -> mk.Job:
    job = bench.provider.backfill("KRW-BTC", "1m", **SPAN, show=False)
    wait(lambda: job.progress.requests)
    return job


def spoil(tape: Path) -> None:
    """Take the content of recorded files away."""
    for path in tape.rglob("*.parquet"):
        path.write_bytes(b"of no use")


def broken_feed(bench: Bench) -> mk.Feed:
    """Replay what turns out to be unreadable."""
    tape = bench.tape()
    feed = bench.provider.watch("KRW-BTC", "candle.1m", replay=tape, speed=0)
    spoil(tape)
    with pytest.raises(mk.CorruptFile):
        list(feed)
    return feed


def broken_live(bench: Bench) -> mk.Live:
    """Replay what turns out to be unreadable, in a series."""
    tape = bench.tape()
    series = bench.provider.live("KRW-BTC", "1m", replay=tape, speed=0)
    spoil(tape)
    with pytest.raises(mk.CorruptFile):
        list(series)
    return series


def broken_recording(bench: Bench) -> mk.Recording:
    """Record to a folder that takes nothing."""
    folder = bench.folder / "blocked"
    recording = bench.provider.record("KRW-BTC", "trade", to=folder)
    (folder / "channel=trade/date=2026-11-20").write_text("in the way")
    wait(lambda: recording.counts)
    with pytest.raises(mk.NotWritable):
        recording.close()
    return recording


def broken_job(bench: Bench) -> mk.Job:
    """Work where the ledger cannot be written."""
    (bench.provider.lake().root / "jobs.sqlite").mkdir(parents=True)
    job = bench.provider.backfill("KRW-BTC", "1m", **SPAN, show=False)
    with pytest.raises(mk.LakeError):
        job.wait(PATIENCE)
    job.join()
    return job


class Kind(NamedTuple):
    """A kind of handle: how one is opened, and how one comes to fail."""

    open: Callable[[Bench], Handle]
    broken: Callable[[Bench], Handle]


KINDS = {
    "Feed": Kind(watch, broken_feed),
    "Live": Kind(live, broken_live),
    "Recording": Kind(record, broken_recording),
    "Job": Kind(backfill, broken_job),
}


def leftovers(folder: Path) -> tuple[int, set[str], list[str]]:
    """Count tasks, name threads, and list the open files of a folder."""

    async def tasks() -> int:
        await asyncio.sleep(0)
        return len(asyncio.all_tasks())

    threads = {each.name for each in threading.enumerate() if not each.name.startswith("asyncio_")}
    known = Path("/proc/self/fd")
    names = [os.path.realpath(each) for each in known.iterdir()] if known.is_dir() else []
    own = [each for each in names if each.startswith(str(folder))]
    # The lake is the provider's: it keeps its index open.
    return engine().run(tasks()), threads, [each for each in own if "index.sqlite" not in each]


each_kind = pytest.mark.parametrize("name", KINDS)  # the contract: every kind passes it


@each_kind
def test_it_says_what_it_is_and_how_it_stands(bench, name):
    handle = KINDS[name].open(bench)
    assert repr(handle).startswith(f"<{name} ")
    assert not handle.closed
    assert handle.failure is None
    running = repr(handle)
    handle.close()
    assert handle.closed
    assert handle.failure is None
    assert repr(handle) != running
    assert ("stopped" if name == "Job" else "closed") in repr(handle)


@each_kind
def test_it_may_be_closed_again_from_anywhere(bench, name):
    handle = KINDS[name].open(bench)
    threads = [threading.Thread(target=handle.close) for _ in range(3)]
    for thread in threads:
        thread.start()
    asyncio.run(handle.aclose())
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    handle.close()
    assert handle.closed


@each_kind
def test_on_the_engines_own_loop_the_async_twin_closes(bench, name):
    handle = KINDS[name].open(bench)

    async def there() -> None:
        with pytest.raises(mk.EngineClosed, match="async twin"):
            handle.close()
        await handle.aclose()

    engine().run(there())
    assert handle.closed


@each_kind
def test_the_end_of_its_block_closes_it(bench, name):
    with KINDS[name].open(bench) as handle:
        assert not handle.closed
    assert handle.closed


@each_kind
def test_the_end_of_its_async_block_closes_it(bench, name):
    async def main() -> Handle:
        async with await asyncio.to_thread(KINDS[name].open, bench) as handle:
            assert not handle.closed
        return handle

    assert asyncio.run(main()).closed


@each_kind
def test_whoever_waits_for_it_is_told_of_its_end(bench, name):
    handle = KINDS[name].open(bench)
    waiting, ended = threading.Event(), threading.Event()

    def consume() -> None:
        rest = iter(handle) if hasattr(handle, "__iter__") else None
        waiting.set()
        if rest is not None:
            list(rest)
        elif isinstance(handle, mk.Job):
            handle.join()
        ended.set()

    consumer = threading.Thread(target=consume)
    consumer.start()
    assert waiting.wait(PATIENCE)
    handle.close()
    assert ended.wait(PATIENCE)
    consumer.join(PATIENCE)


@each_kind
def test_nothing_is_left_when_it_is_closed(bench, name):
    client = bench.provider.watch("KRW-ETH", "ticker")  # keeps the connection as it is
    assert client.wait(PATIENCE)
    before = leftovers(bench.folder)
    handle = KINDS[name].open(bench)
    handle.close()

    def gone() -> bool:
        """Whether only things of before are left: others of the provider's own may end, too."""
        tasks, threads, files = leftovers(bench.folder)
        new = threads - before[1] - {"marketkit-lake_0"}
        return tasks <= before[0] and not new and not set(files) - set(before[2])

    wait(gone)
    assert handle not in list(REGISTRY)
    bench.provider.close()
    wait(lambda: not streaming(bench.exchange))


@each_kind
def test_a_failure_is_kept_and_shown(bench, name):
    handle = KINDS[name].broken(bench)
    assert isinstance(handle.failure, mk.MarketkitError)
    assert "failed" in repr(handle)
    assert str(handle.failure) in repr(handle)
    bench.exchange.set_faults({})
    handle.close()
    assert handle.closed
    assert handle.failure is not None


@each_kind
def test_interruptions_are_a_frame_of_the_same_columns(bench, name):
    handle = KINDS[name].open(bench)
    assert handle.interruptions.is_empty()
    assert dict(handle.interruptions.schema) == dict(schema.INTERRUPTION)
    interrupt(bench, handle)
    wait(lambda: handle.interruptions.height or bench.exchange.advance(5))
    wait(lambda: handle.interruptions["end"].null_count() == 0 or bench.exchange.advance(5))
    assert dict(handle.interruptions.schema) == dict(schema.INTERRUPTION)
    handle.close()
    # On a machine that stalls, a silence may be a second one.
    first, *_ = handle.interruptions.rows(named=True)
    assert first["reason"]
    assert first["start"] <= first["end"]


def interrupt(bench: Bench, handle: Handle) -> None:
    """Have the exchange be away for a moment."""
    if not isinstance(handle, mk.Job):
        bench.step(30)
        bench.exchange.strike("drop")
        bench.exchange.advance(30)
        return
    bench.exchange.set_faults({"500": 1.0})
    wait(lambda: handle.interruptions.height)
    bench.exchange.set_faults({})


REGISTERED = {
    "Feed": lambda bench, got: bench.provider.watch("KRW-BTC", "trade").on(got.append),
    "Live": lambda bench, got: bench.provider.live("KRW-BTC", "1m", history="10m", show=False).on(
        got.append
    ),
}


@pytest.mark.parametrize("name", REGISTERED)
def test_a_callback_is_called_though_nobody_holds_the_handle(bench, name):
    got: list[pl.DataFrame] = []
    REGISTERED[name](bench, got)
    gc.collect()
    for _ in range(6):
        bench.step(60)
    wait(lambda: got)
    gc.collect()
    before = len(got)
    for _ in range(6):
        bench.step(60)
    wait(lambda: len(got) > before)
    bench.provider.close()
    gc.collect()
    wait(lambda: not streaming(bench.exchange))
    assert not list(REGISTRY)


def test_a_recording_goes_on_though_nobody_holds_it_and_is_put_down_with_its_provider(bench):
    bench.provider.record("KRW-BTC", "trade", to=bench.folder / "tape")
    gc.collect()
    wait(lambda: all(each.counts for each in REGISTRY))
    gc.collect()
    bench.step(600)
    wait(lambda: all(each.counts["trade"] > 1 for each in REGISTRY))
    assert len(list(REGISTRY)) == 1
    bench.provider.close()
    assert not list(REGISTRY)
    assert mk.read_recording(bench.folder / "tape", "trade").height > 1
    assert not list((bench.folder / "tape").rglob("*.part.parquet"))


def test_a_handle_without_registered_work_goes_with_its_object(bench):
    feed, series = watch(bench), live(bench)
    client = bench.provider.twin._streams._client
    assert client._subscriptions.in_use()
    assert not list(REGISTRY)
    del feed, series
    gc.collect()
    wait(lambda: not client._subscriptions.in_use())


def test_a_replay_with_a_callback_is_let_go_of_at_its_end(bench):
    tape = bench.tape()
    got: list[pl.DataFrame] = []
    bench.provider.watch("KRW-BTC", "candle.1m", replay=tape, speed=0).on(got.append)
    gc.collect()
    wait(lambda: not list(REGISTRY))
    assert pl.concat(got).height >= 3


PROGRAM = """
import os, sys, time
import marketkit as mk
from marketkit.realtime.handle import REGISTRY
mk.record("KRW-BTC", "trade", to=sys.argv[1])
mk.watch("KRW-BTC", "ticker").on(lambda frame: None)
while not any(each.counts for each in REGISTRY if isinstance(each, mk.Recording)):
    time.sleep(0.01)
if hasattr(os, "fork"):
    child = os.fork()
    if not child:
        for handle in list(REGISTRY):
            handle.close()
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""


def test_a_program_that_holds_nothing_puts_all_down_at_its_end_and_its_child_touches_nothing(
    exchange, tmp_path
):
    environment = {
        **os.environ,
        "MARKETKIT_ENDPOINT": exchange.endpoint,
        "MARKETKIT_LAKE": str(tmp_path / "lake"),
    }
    command = [
        sys.executable,
        "-W",
        "error::ResourceWarning",
        "-W",
        "ignore::UserWarning",  # the sandbox's clock is not this machine's
        "-c",
        PROGRAM,
        str(tmp_path / "tape"),
    ]
    ended = subprocess.run(
        command, check=False, env=environment, capture_output=True, text=True, timeout=PATIENCE
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert mk.read_recording(tmp_path / "tape", "trade").height == 1
    notes = (tmp_path / "tape" / "journal.jsonl").read_text().splitlines()
    assert [note.partition('"what": "')[2].partition('"')[0] for note in notes] == [
        "began",
        "interrupted",
        "resumed",
        "ended",
    ]
