"""The main job in a minute: backfill, proof, frame, and the same question again for free."""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from marketkit.api.sync import SmartDataProvider
from marketkit.cli.output import Output
from marketkit.data.lake.report.coverage import counts
from marketkit.errors import MissingExtra

if TYPE_CHECKING:
    from marketkit.sandbox import Sandbox

_SYMBOLS = ["KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-SOL", "KRW-DOGE"]
_DAYS = 7
_LIVE_SYMBOLS = ["KRW-BTC", "KRW-XRP"]


def demo(options: argparse.Namespace, output: Output) -> bool:
    """Run the demonstration and say whether the lake ended complete and nothing was wasted."""
    symbols, days = (_LIVE_SYMBOLS, 1) if options.live else (_SYMBOLS, _DAYS)
    with _lake(options.lake) as lake, _exchange(options) as exchange:
        endpoint = exchange.endpoint if exchange is not None else options.endpoint
        provider = SmartDataProvider(endpoint=endpoint, region=options.region, lake=lake)
        with provider:
            end = provider.exchange_time().replace(hour=0, minute=0, second=0, microsecond=0)
            fine = _tour(provider, symbols, (end - timedelta(days), end), output)
        if exchange is not None:
            seen = exchange.stats()["groups"]["candles"]
            output.say(
                f"The exchange counted {seen['requests']} candle requests and rejected"
                f" {seen['rejected']}; at most {seen['worst_1s']} came within one second."
            )
            fine = fine and not seen["rejected"]
        return fine


def _tour(
    provider: SmartDataProvider,
    symbols: list[str],
    span: tuple[datetime, datetime],
    output: Output,
) -> bool:
    start, end = span
    markets = provider.get_market()
    output.say(f"{provider}: {markets.height} markets\n")

    output.say(f"1. Fill the lake: {len(symbols)} markets, {start:%Y-%m-%d} to {end:%Y-%m-%d}, 1m")
    report = provider.backfill(symbols, "1m", start=start, end=end).wait()
    output.report(report)

    output.say("\n2. What the lake proves of every slot, and the first slots proved empty")
    coverage = provider.lake().coverage(symbols, "1m", start, end)
    output.table(counts(coverage))
    output.table(coverage.filter(pl.col("state") == "empty").head(5))

    output.say("3. The frame, read from the lake")
    frame = provider.get_candle(symbols, "1m", start=start, end=end, source="lake")
    output.say(str(frame))

    output.say("\n4. The same question again")
    again = provider.backfill(symbols, "1m", start=start, end=end).wait()
    output.say(f"{again.requests} requests sent; {frame.height:,} candles were already here.")
    return report.complete and again.complete and again.requests == 0


@contextlib.contextmanager
def _lake(given: Path | None) -> Iterator[Path]:
    """Give the caller's lake, or one that is gone afterwards."""
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="marketkit-demo-") as folder:
        yield Path(folder)


@contextlib.contextmanager
def _exchange(options: argparse.Namespace) -> Iterator[Sandbox | None]:
    """Start a sandbox 15 ms away, unless the demonstration goes to an exchange that is there."""
    if options.live or options.endpoint or options.region:
        yield None
        return
    try:
        from marketkit.sandbox import Sandbox  # noqa: PLC0415 - an extra brings its server
    except ImportError:
        raise MissingExtra("uvicorn", "sandbox") from None
    with Sandbox(latency_ms=15) as exchange:
        yield exchange
