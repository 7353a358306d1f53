"""Filling the lake from real candles: nothing wasted, nothing lost, whatever happens to the process."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

import marketkit as mk
from marketkit.api.sync import SmartDataProvider
from marketkit.data.lake.lake import Lake
from marketkit.sandbox import Sandbox
from marketkit.timeframe import parse_time
from tests.integration.conftest import FAST, FAST_LIMITS, NOW

MONTH = ("2025-09-01", "2025-10-01")
# A backfill in a process of its own, which can be killed.
CHILD = """
import sys
import marketkit as mk
endpoint, lake, start, end, limit, *symbols = sys.argv[1:]
limits = {} if limit == "legal" else {"candles": (10, float(limit)), "market": (10, float(limit))}
provider = mk.SmartDataProvider(endpoint=endpoint, lake=lake, limits=limits)
job = provider.backfill(symbols, "1m", start=start, end=end, show=False)
print("started", flush=True)
report = job.wait()
print(report.complete, report.requests, report.unknown, flush=True)
"""


@contextmanager
def replay(**history: Path) -> Iterator[Sandbox]:
    named = {f"KRW-{coin}:1m": str(path) for coin, path in history.items()}
    with Sandbox(named, limit=FAST) as exchange:
        yield exchange


def csv(path: Path, start: str, end: str) -> pl.DataFrame:
    frame = pl.read_csv(path, try_parse_dates=True)
    if "timestamp" not in frame.columns or frame["timestamp"].dtype.is_integer():
        frame = frame.select(
            timestamp=pl.col("candle_date_time_utc"),
            open="opening_price",
            high="high_price",
            low="low_price",
            close="trade_price",
            volume="candle_acc_trade_volume",
        )
    time_ = pl.col("timestamp").cast(pl.Datetime("ms")).dt.replace_time_zone("UTC")
    span = (pl.lit(parse_time(start)), pl.lit(parse_time(end)))
    return frame.with_columns(timestamp=time_).filter(
        time_.dt.epoch("ms") >= span[0], time_.dt.epoch("ms") < span[1]
    )


def candle_requests(exchange: Sandbox) -> dict[str, int]:
    return exchange.stats()["groups"]["candles"]


@pytest.mark.parametrize(
    ("coin", "file", "span", "slots", "traded"),
    [
        ("DOGE", "azuremooni_krw/DOGE_KRW_1m.csv", MONTH, 43_200, 42_989),
        pytest.param(
            *("BTC", "azuremooni_krw/BTC_KRW_1m.csv", MONTH, 43_200, 43_198),
            marks=pytest.mark.slow,
        ),
        (
            "OM",
            "upbit_ml_krw_om/KRW-OM_1m_20250526_0918-1311_utc.csv",
            ("2025-05-26T09:18", "2025-05-26T13:12"),
            234,
            137,
        ),
    ],
)
def test_a_backfill_of_real_candles_is_exact_and_asks_nothing_twice(
    shared, tmp_path, coin, file, span, slots, traded
):
    path, symbol = shared / "realdata" / file, f"KRW-{coin}"
    with replay(**{coin: path}) as exchange:
        provider = SmartDataProvider(endpoint=exchange.endpoint, lake=tmp_path, limits=FAST_LIMITS)
        report = provider.backfill(symbol, "1m", start=span[0], end=span[1]).wait()
        assert (report.slots, report.traded, report.unknown) == (slots, traded, 0)
        assert report.empty == slots - traded
        assert report.complete
        seen = candle_requests(exchange)
        assert seen["rejected"] == 0
        # The month is cut in up to four tasks, for several lanes; a cut may cost a request.
        assert seen["requests"] <= -(-traded // 200) + 1 + 3
        again = provider.backfill(symbol, "1m", start=span[0], end=span[1]).wait()
        assert again.requests == 0
        assert candle_requests(exchange)["requests"] == seen["requests"]
        frame = provider.get_candle(symbol, "1m", start=span[0], end=span[1], source="lake")
        provider.close()
    truth = csv(path, *span)
    assert frame["time"].to_list() == truth["timestamp"].to_list()
    for column in ("open", "high", "low", "close", "volume"):
        assert frame[column].equals(truth[column].cast(pl.Float64).alias(column))


def kill_and_restart(exchange: Sandbox, lake: Path, kills: int, symbols: list[str], span) -> int:
    """Run the child, kill it at a random moment, check the lake; at last let it finish."""
    draw = random.Random(20250901)
    command = [
        sys.executable,
        "-c",
        CHILD,
        exchange.endpoint,
        str(lake),
        *span,
        str(FAST[1]),
        *symbols,
    ]
    killed = 0
    for _ in range(kills):
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        child.stdout.readline()
        time.sleep(draw.uniform(0.0, 0.6))
        killed += child.poll() is None
        child.send_signal(signal.SIGKILL)
        child.communicate()
        claims_hold(exchange, lake, symbols, span)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split()[1] == "True"
    return killed


def claims_hold(exchange: Sandbox, lake: Path, symbols: list[str], span) -> None:
    """Whatever the lake says it covers, it has exactly as the exchange does."""
    here = Lake(lake)
    for symbol in symbols:
        for start, end in here.covered(symbol, "1m"):
            kept, truth = (
                here.read(symbol, "1m", start, end),
                exchange.candles(symbol, "1m", start, end),
            )
            assert kept["time"].dt.epoch("ms").to_list() == truth["time"].to_list()
            assert kept["close"].to_list() == truth["close"].to_list()


@pytest.mark.slow
@pytest.mark.parametrize("kills", [30])
def test_kill_minus_nine_costs_work_and_never_data(shared, tmp_path, kills):
    realdata = shared / "realdata" / "azuremooni_krw"
    files = {"DOGE": realdata / "DOGE_KRW_1m.csv", "BTC": realdata / "BTC_KRW_1m.csv"}
    symbols = ["KRW-BTC", "KRW-DOGE"]
    with replay(**files) as exchange:
        killed = kill_and_restart(exchange, tmp_path / "lake", kills, symbols, MONTH)
        undisturbed = SmartDataProvider(
            endpoint=exchange.endpoint, lake=tmp_path / "other", limits=FAST_LIMITS
        )
        undisturbed.backfill(symbols, "1m", start=MONTH[0], end=MONTH[1]).wait()
        undisturbed.close()
    assert killed >= kills // 2
    ours, theirs = (
        Lake(tmp_path / each).read(symbols, "1m", MONTH[0], MONTH[1]) for each in ("lake", "other")
    )
    assert ours.equals(theirs)
    assert Lake(tmp_path / "lake").gaps(symbols, "1m", *MONTH).is_empty()


def test_two_processes_fill_one_lake_at_the_legal_pace_without_a_rejection(tmp_path):
    span = ("2026-11-18T00:00", "2026-11-19T09:20")
    with Sandbox(seed=1, now=NOW, speed=0, latency_ms=5) as exchange:
        children = [
            subprocess.Popen(
                [
                    *(
                        sys.executable,
                        "-c",
                        CHILD,
                        exchange.endpoint,
                        str(tmp_path),
                        *span,
                        "legal",
                    ),
                    symbol,
                ],
                stdout=subprocess.PIPE,
                text=True,
            )
            for symbol in ("KRW-BTC", "KRW-XRP")
        ]
        said = [child.communicate()[0] for child in children]
        assert [each.split()[1] for each in said] == ["True", "True"]
        seen = candle_requests(exchange)
        assert seen["rejected"] == 0
        assert seen["worst_1s"] <= 10
        claims_hold(exchange, tmp_path, ["KRW-BTC", "KRW-XRP"], span)


def test_a_job_can_be_awaited_watched_and_stopped(provider, exchange):
    job = provider.backfill("KRW-BTC", "1m", start="2026-11-18", end="2026-11-19")

    async def wait():
        return await job

    report = asyncio.run(wait())
    assert report.complete
    assert job.done
    assert "100%" in repr(job)
    assert "complete" in repr(report)

    exchange.set_faults({"500": 1.0})
    stuck = provider.backfill("KRW-BTC", "1m", start="2026-11-01", end="2026-11-19")
    with pytest.raises(TimeoutError, match="still running"):
        stuck.wait(timeout=0.05)
    stuck.cancel()
    stuck.join()
    assert "cancelled" in repr(stuck)


def test_after_a_backfill_no_file_is_cold(provider, monkeypatch):
    asked = {"start": "2026-11-17", "end": "2026-11-18"}
    assert provider.backfill("KRW-BTC", "1m", show=False, **asked).wait().complete

    def refuse(_files):
        raise AssertionError("a file is decoded")

    monkeypatch.setattr("marketkit.data.lake.store.scan._scan", refuse)
    assert provider.get_candle("KRW-BTC", "1m", source="lake", **asked).height > 0


def test_a_cancelled_job_keeps_what_it_fetched(provider, exchange):
    provider.get_market()
    job = provider.backfill(["KRW-BTC", "KRW-ETH"], "1m", start="2026-09-01", end="2026-11-19")
    while job.progress.requests < 30:
        time.sleep(0.005)
    job.cancel()
    job.join()
    assert provider.lake().catalog()["rows"].sum() >= 30 * 200
    claims_hold(exchange, provider.lake().root, ["KRW-BTC", "KRW-ETH"], None)


def test_an_unknown_symbol_is_reported_and_the_others_are_done(provider):
    day = {"start": "2026-11-18", "end": "2026-11-19"}
    report = provider.backfill(["KRW-BTC", "KRW-BCT"], "1m", **day, show=False).wait()
    assert (report.symbols, report.unknown) == (("KRW-BTC",), 0)
    assert not report.complete
    assert "did you mean 'KRW-BTC'" in str(report.failures["KRW-BCT"])
    with pytest.warns(UserWarning, match="not in the plan.*KRW-BCT"):
        assert len(provider.plan(["KRW-BTC", "KRW-BCT"], "1m", **day)) == 1
    with pytest.raises(mk.UnknownSymbol, match="KRW-BCT"):
        provider.backfill("KRW-BCT", "1m", **day, show=False).wait()
    with pytest.raises(mk.UnknownSymbol, match="KRW-BCT"):
        next(iter(provider.iter_candle(["KRW-BTC", "KRW-BCT"], "1m", **day, show=False)))


def test_the_report_counts_what_is_still_unknown(provider):
    report = provider.backfill("KRW-BTC", "1m", start="2026-11-19", end="2026-11-21").wait()
    assert not report.complete
    assert report.unknown == 1440 + 1  # the day to come, and the candle that has not settled
    assert "INCOMPLETE" in repr(report)


def test_high_latency_is_met_with_walks_side_by_side_and_few_requests_more(tmp_path):
    with Sandbox(seed=1, now=NOW, speed=0, limit=FAST, latency_ms=8) as exchange:
        provider = SmartDataProvider(endpoint=exchange.endpoint, lake=tmp_path, limits=FAST_LIMITS)
        report = provider.backfill("KRW-BTC", "1m", start="2026-10-20", end="2026-11-19").wait()
        provider.close()
        assert report.complete
        assert report.requests <= 216 + 1 + 3
        assert report.rows >= report.traded  # every walk's candles are counted
