"""The handle of a backfill that runs in the background."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable, Coroutine, Generator, Mapping
from dataclasses import dataclass
from typing import Any

from marketkit.errors import MarketkitError
from marketkit.jobs.progress import Progress, Reporter, clock
from marketkit.net.engine import engine
from marketkit.timeframe import Timeframe, iso


@dataclass(frozen=True, slots=True, repr=False)
class Report:
    """What a backfill leaves behind: the state of every slot asked for.

    `traded + empty + absent + unknown` is the number of slots of `[start, end)` of all symbols:
    with a candle, proved to have none, outside of what the exchange has (before the listing, or
    past the retention of `1s`), and never answered. `rows` are candles that are new or changed,
    `revisions` numbers that were known and that the exchange gives differently now (see
    `lake.revisions()`).
    """

    symbols: tuple[str, ...]
    timeframe: Timeframe
    start: int
    end: int
    traded: int
    empty: int
    absent: int
    unknown: int
    requests: int
    rows: int
    revisions: int
    seconds: float
    failures: Mapping[str, MarketkitError]

    @property
    def slots(self) -> int:
        """All slots asked for."""
        return self.traded + self.empty + self.absent + self.unknown

    @property
    def complete(self) -> bool:
        """Whether every slot is answered for."""
        return not self.unknown and not self.failures

    def __repr__(self) -> str:
        many = self.symbols[0] if len(self.symbols) == 1 else f"{len(self.symbols)} symbols"
        end = "complete" if self.complete else "INCOMPLETE"
        lines = [
            f"backfill of {many} {self.timeframe}, {iso(self.start)} to {iso(self.end)}: {end}",
            (
                f"  {self.slots:,} slots = {self.traded:,} traded + {self.empty:,} proved empty"
                f" + {self.absent:,} not on the exchange + {self.unknown:,} unknown"
            ),
            f"  {self.requests:,} requests, {self.rows:,} candles written in {clock(self.seconds)}",
        ]
        if self.revisions:
            lines.append(f"  {self.revisions:,} numbers REVISED: see lake.revisions()")
        lines += [f"  {symbol}: {failure}" for symbol, failure in self.failures.items()]
        return "\n".join(lines)


Work = Callable[[Reporter], Coroutine[Any, Any, Report]]


class Job:
    """A backfill at work; it goes on while you do something else.

    `wait()` gives its `Report`, as does `await job`; `cancel()` stops it, and what was fetched
    stays.
    """

    def __init__(
        self,
        label: str,
        work: Work,
        *,
        show: bool,
    ) -> None:
        self.progress = Progress(label)
        self._reporter = Reporter(self.progress, show=show)
        # A cancelled future is done at once, the work a moment later: `_ended` is that moment.
        self._ended: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._future: concurrent.futures.Future[Report] = engine().submit(self._run(work))

    def wait(self, timeout: float | None = None) -> Report:
        """Wait for the end, at most `timeout` seconds (then `TimeoutError`; the job goes on)."""
        deadline = None if timeout is None else timeout + self.progress.seconds
        while not self._future.done():
            left = None if deadline is None else deadline - self.progress.seconds
            if left is not None and left <= 0:
                raise TimeoutError(f"still running: {self.progress}")
            # Short waits, for Windows cannot interrupt an endless one.
            concurrent.futures.wait((self._future,), 0.5 if left is None else min(0.5, left))
        return self._future.result()

    def cancel(self) -> None:
        """Stop after writing the pages in hand."""
        self._future.cancel()

    def join(self) -> None:
        """Wait until the job has ended, in whatever way; the pages in hand are then on disk."""
        concurrent.futures.wait((self._ended,))

    @property
    def done(self) -> bool:
        """Whether the job has ended, in whatever way."""
        return self._future.done()

    def __await__(self) -> Generator[Any, None, Report]:
        return asyncio.wrap_future(self._future).__await__()

    def __repr__(self) -> str:
        return f"<Job {self.progress}>"

    async def _run(self, work: Work) -> Report:
        try:
            report = await work(self._reporter)
            self.progress.state = "done" if report.complete else "incomplete"
        except asyncio.CancelledError:
            self.progress.state = "cancelled"
            raise
        except BaseException as failure:
            self.progress.state = f"failed: {failure}"
            raise
        finally:
            self._reporter.close()
            self._ended.set_result(None)
        return report
