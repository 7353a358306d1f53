"""Callers as they come: impatient, interrupted, slow, stuck, forked, and in other processes."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import polars as pl
import pytest

import marketkit as mk
from marketkit.sandbox import Sandbox
from tests.integration.conftest import FAST, NOW
from tests.waiting import PATIENCE, wait

SYMBOLS = ["KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-DOGE"]


@pytest.fixture(scope="module")
def _busy() -> Iterator[Sandbox]:
    with Sandbox(seed=1, now=NOW, speed=0, limit=FAST) as sandbox:
        yield sandbox


@pytest.fixture
def exchange(_busy: Sandbox) -> Sandbox:
    """A sandbox of these tests; its clock only goes on."""
    return _busy


def ids(frames: list[pl.DataFrame]) -> list[tuple[str, int]]:
    return [row for frame in frames for row in frame.select("symbol", "sequential_id").rows()]


async def wait_for(reader, seconds: float):
    return await asyncio.wait_for(anext(reader), seconds)


async def timed_out(reader, seconds: float):
    async with asyncio.timeout(seconds):
        return await anext(reader)


async def waited_and_cancelled(reader, seconds: float):
    task = asyncio.ensure_future(anext(reader))
    await asyncio.wait({task}, timeout=seconds)
    if not task.done():
        task.cancel()
        raise TimeoutError
    return task.result()


def let_happen(exchange: Sandbox, feed: mk.Feed, events: int = 50) -> threading.Thread:
    """Let so many things happen over there, little by little, and close the feed after them."""

    def work() -> None:
        while feed.stats.events < events:
            exchange.advance(5)
        feed.close()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.mark.parametrize("how", [wait_for, timed_out, waited_and_cancelled])
@pytest.mark.parametrize("own", [True, False], ids=["anext(feed)", "anext(aiter(feed))"])
def test_whoever_gives_up_waiting_again_and_again_gets_every_trade_once_and_in_order(
    provider, exchange, how, own
):
    feed = provider.watch(SYMBOLS, "trade")
    assert feed.wait(PATIENCE)
    reader, reference = feed if own else iter(feed), iter(feed)
    with pytest.raises(mk.TimedOut):
        reader.next(timeout=0)
    got: list[pl.DataFrame] = []
    gave_up: list[int] = []

    async def main() -> None:
        while True:
            try:
                got.append(await how(reader, 0.001))
            except TimeoutError:
                gave_up.append(1)
            except StopAsyncIteration:
                return

    happening = let_happen(exchange, feed)
    asyncio.run(main())
    happening.join()
    wanted = ids(list(reference))
    assert len(wanted) >= 40
    assert gave_up
    assert ids(got) == wanted
    assert feed.stats.lost == 0


@pytest.mark.parametrize("channel", ["ticker", "orderbook", "candle.1m"])
def test_whoever_gives_up_waiting_has_the_newest_state_of_every_channel_at_the_end(
    provider, exchange, channel
):
    feed = provider.watch(SYMBOLS, channel)
    assert feed.wait(PATIENCE)
    last: dict[str, tuple] = {}

    async def main() -> None:
        while True:
            try:
                frame = await wait_for(feed, 0.001)
            except TimeoutError:
                continue
            except StopAsyncIteration:
                return
            last.update({row[0]: row for row in frame.rows()})

    happening = let_happen(exchange, feed)
    asyncio.run(main())
    happening.join()
    column = feed.frame.columns.index("time")
    newest = feed.frame.group_by("symbol").agg(pl.col("time").max())
    assert {name: row[column] for name, row in last.items()} == dict(newest.rows())


def test_a_live_series_gives_every_final_candle_to_whoever_gives_up_waiting(provider, exchange):
    series = provider.live("KRW-BTC", "1m", history="10m", show=False)
    reader, reference = series, iter(series)
    with pytest.raises(mk.TimedOut, match="Live 1m of KRW-BTC"):
        reader.next(timeout=0)
    got: list[pl.DataFrame] = []

    async def main() -> None:
        while len(got) < 3:
            exchange.advance(60)
            provider.get_candle("KRW-XRP", "1m", count=1, source="exchange")
            before, end = len(got), time.monotonic() + 1
            while len(got) == before and time.monotonic() < end:
                with contextlib.suppress(TimeoutError):
                    got.append(await wait_for(reader, 0.001))
        await asyncio.to_thread(series.close)
        got.extend([frame async for frame in reader])

    asyncio.run(main())
    seen, wanted = pl.concat(got)["time"], pl.concat(reference)["time"]
    assert seen.to_list() == wanted.to_list()
    assert len(seen) >= 3


INTERRUPTED = """
import os, signal, sys, threading
import marketkit as mk
from marketkit.sandbox import Sandbox

with Sandbox(seed=1, now="2026-11-20T00:00:30Z", speed=0) as exchange:
    feed = mk.SmartDataProvider(endpoint=exchange.endpoint).watch(["KRW-BTC", "KRW-ETH"], "trade")
    assert feed.wait(120)
    reader, reference = iter(feed), iter(feed)

    reading, struck, got = False, 0, []

    def interrupt(*_):
        global reading, struck
        if reading:
            reading, struck = False, struck + 1
            raise KeyboardInterrupt

    def strike():
        while feed.stats.events < 60:
            exchange.advance(5)
            os.kill(os.getpid(), signal.SIGINT)
        feed.close()

    signal.signal(signal.SIGINT, interrupt)
    striking = threading.Thread(target=strike)
    striking.start()
    ended = False
    while not ended:
        frame = None
        try:
            reading = True
            for frame in reader:
                break
            else:
                ended = True
            reading = False
        except KeyboardInterrupt:
            pass
        if frame is not None:
            got.append(frame)
    striking.join()
    ids = lambda frames: [id for each in frames for id in each["sequential_id"]]
    print(ids(got) == ids(reference), len(got) > 0, struck > 0)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a single process there")
def test_ctrl_c_within_a_read_takes_no_event(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", INTERRUPTED],
        env={**os.environ, "MARKETKIT_LAKE": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout == "True True True\n", done.stderr


STRUCK = """
import os, signal, sys, threading, time
import polars as pl
import marketkit as mk

def beside():
    while not ended:
        try:
            frame.sort("a")
        except KeyboardInterrupt:
            pass

frame, ended = pl.DataFrame({"a": range(2000)}), False
recording = mk.record(["KRW-BTC", "KRW-ETH"], ["trade", "orderbook"], to=sys.argv[1])
live = mk.live(["KRW-BTC", "KRW-ETH"], "1m", history="30m")
feed = mk.watch("KRW-BTC", "ticker")
job = mk.backfill(["KRW-BTC", "KRW-ETH"], "1m", start="2026-11-10", end="2026-11-13")
threading.Thread(target=beside).start()
struck, last = 0, time.monotonic() + 120
while not job.done and time.monotonic() < last:
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
    except KeyboardInterrupt:
        struck += 1
        time.sleep(0.02)
ended = True
report = job.wait(0)
print(struck > 20, report.complete, job.errors)
print(len(feed.next(120)) > 0, len(live.next(120)) > 0)
for each in (live, feed, recording):
    each.close()
    print(each.failure, list(each.errors), len(each.interruptions))
print(recording.lost, recording.counts["trade"] > 0)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a single process there")
def test_ctrl_c_in_the_main_thread_ends_nothing_that_goes_on_beside_it(tmp_path):
    with Sandbox(seed=1, now=NOW, speed=20, limit=FAST) as sandbox:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", STRUCK, str(tmp_path / "recorded")],
            env={
                **os.environ,
                "MARKETKIT_ENDPOINT": sandbox.endpoint,
                "MARKETKIT_LAKE": str(tmp_path / "lake"),
                "MARKETKIT_BUDGET_DIR": str(tmp_path / "budget"),
            },
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    streams = 3 * ["None [] 0"]
    said = ["True True {}", "True True", *streams, "0 True"]
    assert (done.returncode, done.stdout.splitlines(), done.stderr) == (0, said, "")


def test_a_sync_caller_waits_so_long_and_is_told_for_what(provider, exchange):
    with provider.watch("KRW-BTC", "trade") as feed:
        assert feed.wait(PATIENCE)
        with pytest.raises(mk.TimedOut, match=r"0\.05s from <Feed trade of KRW-BTC: live"):
            feed.next(timeout=0.05)
        exchange.advance(120)
        first = feed.next(timeout=PATIENCE)
        exchange.advance(120)
        second = next(feed)
        assert first["sequential_id"][-1] < second["sequential_id"][0]
        exchange.advance(120)
        for frame in feed:  # goes on where `next` was
            assert frame["sequential_id"][0] > second["sequential_id"][-1]
            break
    feed.next(timeout=0)  # the rest, and then the end
    with pytest.raises(StopIteration):
        feed.next(timeout=PATIENCE)


def test_a_tape_does_not_wait_for_a_next_that_a_loop_went_on_from(provider, exchange, tmp_path):
    with provider.record("KRW-BTC", "trade", to=tmp_path / "tape") as recording:
        wait(lambda: recording.counts)
        exchange.advance(240)  # more than 5 minutes at once would be messages of the future
        wait(lambda: recording.counts["trade"] > 5)
    kept = mk.read_recording(tmp_path / "tape", "trade")
    feed = provider.watch("KRW-BTC", "trade", replay=tmp_path / "tape", speed=0)
    frames = [next(feed), *feed]
    assert ids(frames) == kept.select("symbol", "sequential_id").rows()


def test_callbacks_that_ask_marketkit_for_more_than_there_are_threads_all_go_on(provider, exchange):
    count = (os.cpu_count() or 1) + 40  # more than the pool of any event loop has threads
    feeds = [provider.watch("KRW-BTC", "trade") for _ in range(count)]
    asked = [threading.Event() for _ in feeds]

    def ask(done: threading.Event) -> None:
        provider.get_candle("KRW-ETH", "1m", count=3)
        done.set()

    for feed, done in zip(feeds, asked, strict=True):
        assert feed.wait(PATIENCE)
        feed.on(lambda _, done=done: ask(done))
    exchange.advance(120)
    assert all(done.wait(PATIENCE) for done in asked)
    for feed in feeds:
        feed.close()


def test_a_feed_closed_by_its_own_callback_is_closed(provider, exchange):
    feed = provider.watch("KRW-BTC", "trade")
    assert feed.wait(PATIENCE)
    ended = threading.Event()

    def close(_: pl.DataFrame) -> None:
        feed.close()
        ended.set()

    feed.on(close)
    exchange.advance(120)
    assert ended.wait(PATIENCE)
    assert feed.closed
    assert not feed.failed_calls


def test_a_callback_that_fails_is_told_once_and_counted_where_a_feed_is_looked_at(
    provider, exchange, caplog
):
    feed = provider.watch("KRW-BTC", "ticker")
    assert feed.wait(PATIENCE)
    feed.on(lambda frame: frame["no such column"])
    while feed.failed_calls < 3:
        exchange.advance(5)
    assert caplog.text.count("a callback failed") == 1
    assert caplog.text.count("Traceback") == 1
    feed.close()
    assert feed.stats.failed_calls >= 3
    assert repr(feed).endswith(f", {feed.failed_calls:,} failed calls>")


STUCK = """
import os, signal, sys, threading, time
import marketkit as mk
feed = mk.watch("KRW-BTC", "ticker")
stuck = threading.Event()
def block(frame):
    stuck.set()
    threading.Event().wait()
for _ in range(40):
    feed.on(block)
assert stuck.wait(120)
if sys.argv[1] == "close":
    feed.close()
    print(mk.get_candle("KRW-BTC", "1m", count=1).height, flush=True)
else:
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        threading.Event().wait()  # not even polars keeps Ctrl-C from that
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


@pytest.mark.parametrize(("how", "said"), [("close", "1\n"), ("ctrl-c", "interrupted\n")])
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a single process there")
def test_callbacks_that_never_return_keep_no_program_from_its_end(exchange, tmp_path, how, said):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", STUCK, how],
        env={
            **os.environ,
            "MARKETKIT_ENDPOINT": exchange.endpoint,
            "MARKETKIT_LAKE": str(tmp_path),
        },
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, said, "")


def test_what_is_an_address_works_in_processes_that_were_spawned(provider, exchange, monkeypatch):
    provider.get_candle("KRW-BTC", "1m", start="2026-11-19T23:50", end="2026-11-20")
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")  # the sandbox's clock is not this machine's
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        candles = functools.partial(provider.get_candle, timeframe="1m", count=3)
        assert [each.height for each in pool.map(candles, SYMBOLS, timeout=PATIENCE)] == [3] * 4
        there = pool.submit(provider.lake().read, "KRW-BTC", "1m").result(PATIENCE)
        assert there.equals(provider.lake().read("KRW-BTC", "1m"))
        assert pool.submit(provider.with_response.get_ticker, "KRW-BTC").result(PATIENCE).success
        with pytest.raises(mk.NotPicklable):
            pool.submit(next, provider.watch("KRW-BTC", "ticker")).result(PATIENCE)


def test_a_plan_is_run_where_it_was_sent_to(provider, exchange):
    plan = provider.plan("KRW-ETH", "1m", start="2026-11-19T20:00", end="2026-11-19T21:00")
    sent = pickle.loads(pickle.dumps(plan))  # noqa: S301 - our own
    assert sent.requests == plan.requests > 0
    assert sent.run().wait(PATIENCE).complete
    assert not provider.lake().missing("KRW-ETH", "1m", plan.wanted.start, plan.wanted.end)


def test_what_is_at_work_refuses_to_travel(provider, exchange, tmp_path):
    with (
        provider.watch("KRW-BTC", "ticker") as feed,
        provider.live("KRW-BTC", "1m", history="10m", show=False) as series,
        provider.record("KRW-BTC", "trade", to=tmp_path / "tape") as recording,
        provider.backfill("KRW-BTC", "1m", start="2026-11-19", show=False) as job,
    ):
        for each in (feed, iter(feed), series, recording, job):
            with pytest.raises(mk.NotPicklable, match="begin anew over there"):
                pickle.dumps(each)


FORKED = """
import asyncio, os, sys, warnings
warnings.simplefilter("ignore")
import marketkit as mk

def child(name, call):
    sys.stdout.flush()
    if (pid := os.fork()):
        os.waitpid(pid, 0)
        return
    try:
        said = call()
    except mk.EngineClosed as error:
        said = "refused" if "spawn" in str(error) else error
    print(name, said, flush=True)
    os._exit(0)

async def awaited(make):
    return await make()

child("fresh", lambda: mk.get_ticker("KRW-BTC").height)
mk.get_candle("KRW-BTC", "1m", count=300)
feed = mk.watch("KRW-BTC", "trade")
reader = iter(feed)
series = mk.live("KRW-BTC", "1m", history="10m", show=False)
job = mk.backfill("KRW-ETH", "1m", start="2026-11-01", show=False)
recording = mk.record("KRW-BTC", "trade", to=sys.argv[1])
for name, call in {
    "ticker": lambda: mk.get_ticker("KRW-BTC"),
    "async": lambda: asyncio.run(awaited(lambda: mk.AsyncSmartDataProvider().get_market())),
    "watch": lambda: mk.watch("KRW-BTC", "ticker"),
    "lake": lambda: mk.lake().read("KRW-BTC", "1m"),
    "backfill": lambda: mk.backfill("KRW-BTC", "1m", start="2026-11-19"),
    "frame": lambda: feed.frame,
    "next": lambda: next(feed),
    "reader": lambda: next(reader),
    "anext": lambda: asyncio.run(awaited(lambda: anext(feed))),
    "on": lambda: feed.on(print),
    "series": lambda: series.frame,
    "wait": lambda: job.wait(),
    "await": lambda: asyncio.run(awaited(lambda: job)),
    "recording": lambda: mk.read_recording(sys.argv[1], "trade"),
    "close": lambda: [each.close() for each in (feed, series, job, recording)],
}.items():
    child(name, call)
job.cancel()
print("parent", mk.get_ticker("KRW-BTC").height)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_made_by_fork_is_served_or_refused_at_once_and_never_hangs(exchange, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FORKED, str(tmp_path / "tape")],
        env={
            **os.environ,
            "MARKETKIT_ENDPOINT": exchange.endpoint,
            "MARKETKIT_LAKE": str(tmp_path / "lake"),
        },
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    first, *said, closed, parent = done.stdout.splitlines()
    assert (first, closed, parent, done.stderr) == (
        "fresh 1",
        "close [None, None, None, None]",
        "parent 1",
        "",
    )
    assert len(said) == 14
    assert all(each.endswith(" refused") for each in said)


def test_without_an_asyncio_loop_every_async_call_says_at_once_what_to_do(provider, exchange):
    """Each is driven as trio drives one: from outside of asyncio."""
    twin = provider.twin
    provider.get_ticker("KRW-BTC")
    chunks = provider.iter_candle("KRW-BTC", "1m", start="2026-11-19", show=False)
    with (
        provider.watch("KRW-BTC", "ticker") as feed,
        provider.backfill("KRW-BTC", "1m", start="2026-11-19", show=False) as job,
    ):
        for call in (
            lambda: twin.get_ticker("KRW-BTC"),
            lambda: twin.watch("KRW-BTC", "trade"),
            lambda: anext(feed),
            lambda: anext(aiter(feed)),
            feed.ready,
            feed.aclose,
            job.__await__,
            lambda: anext(aiter(chunks)),
            twin.aclose,
        ):
            with pytest.raises(mk.EngineClosed, match=r"trio\.to_thread\.run_sync"):
                call().send(None)


def test_every_warning_names_the_line_of_the_caller(exchange, tmp_path):
    with mk.SmartDataProvider(endpoint=exchange.endpoint, lake=tmp_path / "lake") as provider:
        provider.get_market()
        calls = {
            "taken as": lambda: provider.get_ticker("krw-btc"),
            "skipped": lambda: provider.get_ticker(["KRW-BTC", "KRW-NONE"], on_error="skip"),
            "days before": lambda: provider.get_market(as_of="2030-01-01"),
            "not in the plan": lambda: provider.plan(
                ["KRW-BTC", "KRW-NONE"], "1d", start="2026-11-01"
            ),
        }
        for words, call in calls.items():
            with pytest.warns(UserWarning, match=words) as told:
                call()
            assert {each.filename for each in told} == {__file__}, words


def test_a_warning_names_the_line_of_an_async_caller(exchange, tmp_path):
    async def main():
        async with mk.AsyncSmartDataProvider(
            endpoint=exchange.endpoint, lake=tmp_path / "lake"
        ) as provider:
            await provider.get_market()
            await provider.get_market(as_of="2030-01-01")

    with pytest.warns(UserWarning, match="days before") as told:
        asyncio.run(main())
    assert [each.filename for each in told] == [__file__]
