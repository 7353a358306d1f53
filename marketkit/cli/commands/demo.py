"""`marketkit demo`: backfill, proof, frame, and the same backfill again for free, in a minute."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from marketkit.cli.command import Command
from marketkit.cli.output import DONE, INCOMPLETE, Output
from marketkit.disk import temporary_folder
from marketkit.errors import MarketkitError, MissingExtra

if TYPE_CHECKING:
    from marketkit.api.sync import SmartDataProvider
    from marketkit.data.jobs.job import Job
    from marketkit.data.jobs.report import Report
    from marketkit.sandbox import Sandbox

_SYMBOLS = ["KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-SOL", "KRW-DOGE"]
_DAYS = 7  # 252 requests: half a minute at the exchange's pace
_LIVE_SYMBOLS = ["KRW-BTC", "KRW-XRP"]
_ROWS = 8  # of the frame: enough to see both ends
_SAY_EVERY = 3.0  # seconds between two lines in a pipe, whose reader must not take it for dead
_LATENCY_MS = 15  # a round trip to an exchange nearby: pacing shows, waiting does not


def _arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--live", action="store_true", help="Make a smaller run on Upbit itself.")


def _run(options: argparse.Namespace, output: Output) -> int:
    """Run the demonstration; done if the lake ends complete and no request was wasted."""
    output.say("An exchange is looked for ..." if options.live else "An exchange is started ...")
    from marketkit.api.sync import SmartDataProvider  # noqa: PLC0415 - slow, `--help` needs none

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
        return DONE if fine else INCOMPLETE


def _tour(
    provider: SmartDataProvider,
    symbols: list[str],
    span: tuple[datetime, datetime],
    output: Output,
) -> bool:
    from marketkit.data.lake.report.coverage import counts  # noqa: PLC0415 - as above

    start, end = span
    markets = provider.get_market()
    output.say(f"{provider}: {markets.height} markets\n")
    output.need_reader()

    output.say(f"1. Fill the lake: {len(symbols)} markets, {start:%Y-%m-%d} to {end:%Y-%m-%d}, 1m")
    job = provider.backfill(symbols, "1m", start=start, end=end, show=_sees_bars())
    report = _wait(job, output)
    output.report(report)
    output.need_reader()

    output.say("\n2. What the lake proves of every slot, and the first slots proved empty")
    coverage = provider.lake().coverage(symbols, "1m", start, end)
    output.table(counts(coverage))
    output.say()
    output.table(coverage.filter(state="empty").head(5))

    output.say("\n3. The frame, read from the lake")
    frame = provider.get_candle(symbols, "1m", start=start, end=end, source="lake")
    output.table(frame, most=_ROWS)

    output.say("\n4. The same question again")
    again = provider.backfill(symbols, "1m", start=start, end=end).wait()
    output.say(f"{again.requests} requests sent; {frame.height:,} candles were already here.")
    return report.complete and again.complete and again.requests == 0


def _sees_bars() -> bool:
    """Say whether somebody looks on: a bar, which stderr has, is in no pipe or file."""
    return sys.stdout.isatty() and sys.stderr.isatty()


def _wait(job: Job, output: Output) -> Report:
    """Wait for a job; where no bar moves, say again and again how the job stands."""
    while not _sees_bars():
        try:
            return job.wait(_SAY_EVERY)
        except TimeoutError as early:
            if isinstance(early, MarketkitError):  # a request's, not that of our own wait
                raise
            output.say(f"  {job.progress}")
            output.need_reader()
    return job.wait()


@contextlib.contextmanager
def _lake(given: Path | None) -> Iterator[Path]:
    """Use the lake that was chosen, or one that is gone afterwards."""
    if given is not None:
        yield given
        return
    with temporary_folder("demo") as folder:
        yield folder


@contextlib.contextmanager
def _exchange(options: argparse.Namespace) -> Iterator[Sandbox | None]:
    """Start a sandbox, unless another exchange was chosen."""
    if options.live or options.endpoint or options.region:
        yield None
        return
    try:
        from marketkit.sandbox import Sandbox  # noqa: PLC0415 - an extra brings its server
    except ImportError:
        raise MissingExtra("uvicorn", "sandbox") from None
    with Sandbox(latency_ms=_LATENCY_MS) as exchange:
        yield exchange


COMMAND = Command(
    "demo",
    "See all of it at work in a minute. Five markets of a made-up exchange on this machine go into"
    " a lake, which proves that nothing is missing.",
    _run,
    _arguments,
    example="marketkit demo",
    codes={INCOMPLETE: "The lake is not complete, or requests were wasted."},
)
