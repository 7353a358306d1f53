"""The handle of a backfill that runs in the background."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable, Coroutine, Generator, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from marketkit.data.fetch.walks import FetchRun
from marketkit.data.jobs import catalog
from marketkit.data.jobs.ledger import Ledger
from marketkit.data.jobs.report import Report
from marketkit.data.jobs.tasks import BackfillRequest
from marketkit.errors import MarketkitError
from marketkit.net import fork
from marketkit.net.engine import asyncio_loop, engine
from marketkit.net.handle import Handle, Interruption
from marketkit.notebook.arguments import explained
from marketkit.notebook.card import Card, Shown
from marketkit.notebook.table import of_rows

_FAILED = 10  # symbols whose failures are shown; `errors` has them all

Work = Callable[[], Coroutine[Any, Any, Report]]


@explained
class Job(Shown, Handle):
    """A backfill at work in the background.

    `wait()` gives its `Report`, as does `await job`; `pause()`, `resume()` and `cancel()` mean the
    job in all processes that share it, `leave()` and `close()` only this one. What was fetched
    stays, and the same call goes on from there. `repr(job)` always says how it stands;
    `interruptions` are the times it waited for an exchange that was away.
    """

    def __init__(self, wanted: BackfillRequest, root: Path, run: FetchRun, work: Work) -> None:
        self.wanted = wanted
        self.progress = run.reporter.progress
        self._root = root
        self._run = run
        # A cancelled future is done at once, the work a moment later: `_ended` is that moment.
        self._ended: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._future: concurrent.futures.Future[Report] = engine().submit(self._do(work))

    @property
    def id(self) -> str:
        """The job's name in `jobs()`: the same request has the same name everywhere."""
        return self.wanted.id

    @property
    def done(self) -> bool:
        """Whether the job has ended here, in any way."""
        return self._future.done()

    @property
    def closed(self) -> bool:
        """Whether the job has ended here and all pages are on disk."""
        return self._ended.done()

    @property
    def failure(self) -> BaseException | None:
        """The exception that ended the job; None where a caller left, cancelled or finished."""
        ended = self._future.done() and not self._future.cancelled()
        return self._future.exception() if ended else None

    @property
    def frame(self) -> pl.DataFrame:
        """How each symbol stands: `symbol state slots done requests rows attempts error`."""
        fork.check()
        return catalog.symbols(self._root, self.id)

    @property
    def errors(self) -> dict[str, MarketkitError]:
        """The symbols that were given up, and the failure of each."""
        return dict(self._run.failures)

    def wait(self, timeout: float | None = None) -> Report:
        """Wait for the end, at most `timeout` seconds (then `TimeoutError`; the job goes on)."""
        engine().check()
        deadline = None if timeout is None else timeout + self.progress.seconds
        while not self._future.done():
            left = None if deadline is None else deadline - self.progress.seconds
            if left is not None and left <= 0:
                raise TimeoutError(f"still running: {self.progress}")
            # Short waits, for Windows cannot interrupt an endless one.
            concurrent.futures.wait((self._future,), 0.5 if left is None else min(0.5, left))
        return self._future.result()

    def pause(self) -> None:
        """Send nothing more until `resume`; pages in hand are written."""
        self._command("pause")
        self._on_loop(self._run.pause)

    def resume(self) -> None:
        """Take a pause back."""
        self._command(None)
        self._on_loop(self._run.go_on)

    def cancel(self) -> None:
        """End the job in every process at work, after writing the pages in hand."""
        fork.check()
        self._run.ending = "cancelled"
        self._future.cancel()

    def leave(self) -> None:
        """Stop here after writing the pages in hand; others go on, and a later call continues."""
        fork.check()
        self._future.cancel()

    def join(self) -> None:
        """Wait until the job has ended, in any way; the pages in hand are then on disk."""
        engine().check()
        while not self._ended.done():
            concurrent.futures.wait((self._ended,), 0.5)  # no wait that Ctrl-C cannot end

    async def end(self) -> None:
        """Leave, for callers on the engine's loop; returns when the pages in hand are written."""
        self.leave()
        await asyncio.shield(asyncio.wrap_future(self._ended))

    def on_done(self, callback: Callable[[Job], object]) -> None:
        """Have `callback` called with the job at the end, or now after the end.

        It runs on marketkit's own thread: hand long work on to another.
        """
        self._ended.add_done_callback(lambda _: callback(self))

    def watch(self, draw: Callable[[], None]) -> None:
        """Have `draw` called when something changed, on marketkit's own thread, and at the end."""
        self._run.reporter.attach(draw)
        draw()

    def __await__(self) -> Generator[Any, None, Report]:
        # A caller that gives up waiting, as `wait_for` does, leaves the job alone, as with `wait`.
        future = asyncio.wrap_future(self._future, loop=asyncio_loop())
        return asyncio.shield(future).__await__()

    def __repr__(self) -> str:
        lines = [f"<Job {self.id} {self.progress}>"]
        lines += [f"  {symbol}: {failure}" for symbol, failure in [*self.errors.items()][:_FAILED]]
        lines += [f"  {more:,} more failed"] if (more := len(self.errors) - _FAILED) > 0 else []
        return "\n".join(lines)

    def _card(self) -> Card:
        failed = [(symbol, str(failure)) for symbol, failure in self.errors.items()]
        more = f"{len(failed) - _FAILED:,} more failed" if len(failed) > _FAILED else ""
        facts = {"backfill": str(self.wanted), "progress": str(self.progress)}
        if self.progress.total:
            facts["slots"] = f"{self.progress.done:,} of {self.progress.total:,} known"
        if self._run.interruptions:
            facts["waited"] = f"{len(self._run.interruptions):,} times for the exchange"
        table = replace(of_rows(("symbol", "failure"), failed[:_FAILED]), note=more)
        title, share = f"Job {self.id}: {self.progress.state}", self.progress.share
        return Card(title, facts, share, (table,) if failed else ())

    def _interruptions(self) -> Iterable[Interruption]:
        return list(self._run.interruptions)

    def _command(self, command: str | None) -> None:
        fork.check()
        with Ledger(self._root) as ledger:
            if not self.done and ledger.knows(self.id):
                ledger.command(self.id, command)

    def _on_loop(self, act: Callable[[], None]) -> None:
        async def there() -> None:
            if not self.done:
                act()

        engine().submit(there())

    async def _do(self, work: Work) -> Report:
        try:
            report = await work()
            self.progress.state = "done" if report.complete else "incomplete"
        except asyncio.CancelledError:
            self.progress.state = self._run.ending
            raise
        except BaseException as failure:
            self.progress.state = f"failed: {failure}"
            raise
        finally:
            self._run.reporter.close()
            self._ended.set_result(None)
        return report
