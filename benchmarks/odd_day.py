"""A day at 60 times its speed on which everything happens that happens on an exchange.

Two markets are listed, two end, one is renamed, one is paused; every connection breaks every 30
seconds of this machine, frames come that nobody knows or can read, and one market's own frames are
odd for an hour. Meanwhile `live` follows 20 markets, `marketkit backfill --config` runs again and
again, and `get_ticker("KRW-*")` is called each minute of the exchange. In the end every market is
compared with a second exchange of the same seed, on which nothing of all this happened.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.parse
import urllib.request
import warnings
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl

import marketkit as mk
from benchmarks._sandbox import sandbox, scratch
from marketkit.sandbox import Sandbox
from marketkit.timeframe import DAY, HOUR, MINUTE, iso, parse_time

NOW, SEED, SPEED = "2026-11-18T00:00:00Z", 1, 60
_BASES = (
    ("BTC", "ETH", "XRP", "SOL", "DOGE", "ADA", "SUI", "LINK", "XLM", "TRX"),
    ("AVAX", "BCH", "DOT", "ETC", "HBAR", "SHIB", "NEAR", "PEPE", "UNI", "AAVE"),
)
FOLLOWED = [f"KRW-{base}" for bases in _BASES for base in bases]
LISTED, ENDED, RENAMED, PAUSED, ODD = (
    ("KRW-NEWA", "KRW-NEWB"), ("KRW-PEPE", "KRW-UNI"), ("KRW-AAVE", "KRW-AAVEX"),
    "KRW-HBAR", "KRW-DOT",
)  # fmt: skip
BREAK_S = 30  # of this machine
NEAR = 5 * MINUTE  # around an event an answer, kept for seconds of ours, may be of before it
CONFIG = """
verify = "2h"

[[universe]]
symbols = {symbols}
depth = {{ 1m = "1d" }}
"""


@dataclass
class Day:
    """A day on the exchange at `endpoint`, that begins at `start` and takes `length` ms."""

    endpoint: str
    start: int
    length: int
    moments: dict[str, int] = field(default_factory=dict)  # of a market's event
    told: Counter[str] = field(default_factory=Counter)  # warnings of the calls
    missing: Counter[str] = field(default_factory=Counter)  # from the tickers of a minute
    runs: list[int] = field(default_factory=list)  # exit codes
    calls: int = 0

    def at(self, share: float) -> int:
        """Give a moment of the day."""
        return self.start + int(share * self.length) // MINUTE * MINUTE

    def event(self, symbol: str, kind: str, share: float, **values: str) -> None:
        """Order an event of a market."""
        self.moments.setdefault(symbol, self.at(share))
        at = iso(self.at(share))
        control(self.endpoint, "markets", symbol=symbol, event=kind, at=at, **values)


def control(endpoint: str, path: str, /, **values: object) -> Any:
    """Post to the exchange's control endpoint."""
    query = urllib.parse.urlencode({name: str(value) for name, value in values.items()})
    request = urllib.request.Request(f"{endpoint}/sandbox/{path}?{query}", method="POST")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def told(endpoint: str, path: str) -> Any:
    """Read something of the exchange's control endpoint."""
    with urllib.request.urlopen(f"{endpoint}/sandbox/{path}") as answer:
        return json.load(answer)


def measure(*, quick: bool) -> dict[str, Any]:
    """Live through a day; an hour if `quick`."""
    flags = ("--seed", SEED, "--now", NOW, "--speed", SPEED)
    with sandbox(*map(str, flags)) as endpoint, scratch() as folder:
        os.environ["MARKETKIT_BUDGET_DIR"] = str(folder / "budget")
        day = Day(endpoint, parse_time(NOW), HOUR if quick else DAY)
        order(day)
        with mk.SmartDataProvider(endpoint=endpoint, lake=folder / "lake") as provider:
            return live_through(day, provider, folder)


def order(day: Day) -> None:
    """Order all that is going to happen."""
    for symbol, share in zip(LISTED, (0.2, 0.6), strict=True):
        day.event(symbol, "list", share)
    for symbol, share in zip(ENDED, (0.3, 0.7), strict=True):
        day.event(symbol, "end", share)
    day.event(RENAMED[0], "rename", 0.5, to=RENAMED[1])
    day.moments[RENAMED[1]] = day.moments[RENAMED[0]]
    day.event(PAUSED, "pause", 0.4)
    day.event(PAUSED, "resume", 0.55)
    control(day.endpoint, "stream", break_every=BREAK_S)


def live_through(day: Day, provider: mk.SmartDataProvider, folder: Path) -> dict[str, Any]:
    """Follow the exchange to the end of the day, and compare."""
    config = folder / "backfill.toml"
    config.write_text(CONFIG.format(symbols=json.dumps([*FOLLOWED, "KRW-NEW*"])))
    with provider.live(FOLLOWED, "1m", history="3h", show=False) as series:
        follow(day, provider, config, folder / "backfill.log")
        settle(series, day)
        interruptions, frame = series.interruptions, series.frame
    run_config(day, config, folder / "backfill.log").wait()
    return judge(day, provider, interruptions, frame)


def follow(day: Day, provider: mk.SmartDataProvider, config: Path, log: Path) -> None:
    """Do each minute what is due in it, until the day is over."""
    codes = set(provider.get_market(quote="KRW")["symbol"])
    running = run_config(day, config, log)
    odd = False
    while (now := clock(day)) < day.start + day.length:
        minute = (now - day.start) // MINUTE
        tickers(day, provider, codes)
        if (wanted := day.at(0.75) <= now < day.at(0.8)) != odd:
            odd = wanted
            kind = "null-price" if odd else "none"
            control(day.endpoint, "odd", kind=kind, symbol=ODD, path="stream")
        if minute % 15 == 7:
            control(day.endpoint, "strike", kind="odd-frame" if minute % 2 else "unknown-frame")
        if running.poll() is not None and minute % 60 < 2:
            day.runs.append(running.returncode)
            running = run_config(day, config, log)
        time.sleep(max(0.0, (MINUTE - clock(day) % MINUTE) / 1000 / SPEED))
    day.runs.append(running.wait())


def clock(day: Day) -> int:
    """Read the exchange's clock."""
    return int(told(day.endpoint, "clock")["ms"])


def tickers(day: Day, provider: mk.SmartDataProvider, codes: set[str]) -> None:
    """Ask for the tickers of a quote; note what is missing from them."""
    began = clock(day)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = set(provider.get_ticker("KRW-*", on_error="skip")["symbol"])
    day.calls += 1
    day.told.update(str(each.message) for each in said)
    day.missing.update(active(day, codes, began, clock(day)) - found)


def active(day: Day, codes: set[str], began: int, ended: int) -> set[str]:
    """Give the markets that certainly had a ticker all through a call."""
    gone = {code for code in (*ENDED, RENAMED[0]) if ended > day.moments[code] - NEAR}
    new = {RENAMED[1]} if began > day.moments[RENAMED[1]] + NEAR else set()
    return (codes - gone - {PAUSED}) | new  # one that was listed need not have traded yet


def run_config(day: Day, config: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start the scheduled backfill."""
    where = ("--endpoint", day.endpoint, "--lake", str(config.parent / "lake"))
    command = [sys.executable, "-m", "marketkit", "backfill", "--config", str(config), *where]
    with log.open("ab") as output:
        return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)


def settle(series: mk.Live, day: Day) -> None:
    """Wait until the series is final up to the end of the day."""
    end = time.monotonic() + 30
    while series.watermark.timestamp() * 1000 < day.start + day.length and time.monotonic() < end:
        time.sleep(0.1)


def judge(
    day: Day, provider: mk.SmartDataProvider, interruptions: pl.DataFrame, frame: pl.DataFrame
) -> dict[str, Any]:
    """Compare all that was kept with the exchange of the same seed, and count the words."""
    groups = told(day.endpoint, "stats")["groups"]
    rejected = sum(each["rejected"] for each in groups.values())
    twin = Sandbox(seed=SEED, now=day.start + day.length + MINUTE, speed=0)
    end = day.start + day.length
    spans = dict.fromkeys(FOLLOWED, (day.start, end))
    for symbol in (*ENDED, RENAMED[0]):
        spans[symbol] = (day.start, day.moments[symbol])
    lake, rows = provider.lake(), []
    for symbol, (start, stop) in spans.items():
        truth = without_pause(day, symbol, twin.candles(symbol, "1m", start, stop))
        words = pl.concat_str("reason", "failure", separator=" ", ignore_nulls=True)
        told_of = interruptions.filter(words.str.contains(symbol + r"\b")).height
        kept = lake.read(symbol, "1m", start=iso(start), end=iso(stop))
        in_frame = frame.filter(
            pl.col("symbol") == symbol,
            pl.col("time").dt.epoch("ms") >= stop - HOUR + MINUTE,
            pl.col("time").dt.epoch("ms") < stop,
        )
        recent = truth.filter(pl.col("time") >= stop - HOUR + MINUTE)
        rows.append(
            {
                "symbol": symbol,
                "event": event_of(symbol),
                "candles": truth.height,
                "lake equal": equal(kept, truth),
                "live equal": equal(in_frame, recent) if stop == end else "-",
                "interruptions": told_of,
                "unknown": str(unknown(lake, symbol, start, stop)),
            }
        )
    ratios = {
        "calls of get_ticker": day.calls,
        "markets missing from one": sum(day.missing.values()),
        "which": dict(day.missing.most_common(5)),
        "warnings, each how often": dict(day.told),
        "runs of the config": Counter(day.runs),
        "rejected requests": rejected,
        "interruptions by reason": dict(
            interruptions.group_by("reason").len().sort("len", descending=True).rows()
        ),
    }
    return {"rows": rows, "ratios": ratios}


def without_pause(day: Day, symbol: str, truth: pl.DataFrame) -> pl.DataFrame:
    """Take out the candles of the time in which a market was paused."""
    if symbol != PAUSED:
        return truth
    return truth.filter(~pl.col("time").is_between(day.at(0.4), day.at(0.55), closed="left"))


def event_of(symbol: str) -> str:
    """Name what happened to a market."""
    if symbol in ENDED:
        return "ended"
    return {RENAMED[0]: "renamed", PAUSED: "paused", ODD: "odd frames"}.get(symbol, "")


def equal(found: pl.DataFrame, truth: pl.DataFrame) -> str:
    """Say whether frames have the same candles, else how many are missing or others."""
    columns = ["time", "open", "high", "low", "close", "volume", "value"]
    own = found.with_columns(pl.col("time").dt.epoch("ms")).select(columns).sort("time")
    if own.equals(truth.select(columns)):
        return "yes"
    common = own.join(truth, on=columns, how="semi").height
    return f"no: {truth.height - common} missing, {own.height - common} other"


def unknown(lake: mk.Lake, symbol: str, start: int, stop: int) -> timedelta:
    """Give the time that the lake has no proof of."""
    gaps = lake.gaps(symbol, "1m", iso(start), iso(stop))
    return (gaps["end"] - gaps["start"]).sum() or timedelta()
