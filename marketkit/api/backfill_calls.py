"""Calls: the lake and the backfills."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import polars as pl

from marketkit import symbols as naming
from marketkit.api.backfills import BackfillEndpoints, manner
from marketkit.api.layout import fixed_of, index_of
from marketkit.api.query import Symbols, chosen, validate_options
from marketkit.data.jobs import catalog
from marketkit.data.jobs.chunks import Chunks
from marketkit.data.jobs.job import Job
from marketkit.data.jobs.tasks import BackfillRequest, Order
from marketkit.data.lake.lake import Lake
from marketkit.exchange.dialect import Priority
from marketkit.frames import Defaults, FrameKind, Precision, finish
from marketkit.net.engine import engine
from marketkit.notebook.arguments import explained
from marketkit.timeframe import is_relative
from marketkit.window import Time

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


@explained
class BackfillMethods:
    """Calls about the lake that need no waiting, the same in both providers."""

    _backfills: BackfillEndpoints
    _defaults: Defaults

    def backfill(
        self,
        symbols: Symbols,
        timeframe: str,
        *,
        start: Time,
        end: Time | None = None,
        order: Order = "newest",
        verify: str | None = None,
        recheck: bool = False,
        patience: str = "12h",
        priority: Priority = "low",
        show: bool = True,
        archive: bool = False,
        keep: str | Path | None = None,
    ) -> Job:
        """Fill the lake in the background; returns at once.

        Fetches what the lake lacks of `[start, end)`, in the `order` `newest`, `oldest` or
        `symbols`; `end` defaults to the newest final candle, and `start="-30d"` counts back from
        now. The `Job` shows its progress after two seconds unless `show=False`; `job.wait()` gives
        its `Report`. Running it again continues: nothing is asked twice, except that `verify`
        (`30m`, `12h`, `7d`) reads the last so much time of the range again. Where the exchange has
        changed its mind the newer word is kept, and `lake().revisions()` has the old.
        `recheck=True` asks once more for all that the lake holds for older than the market, and
        so does `verify` in its time: older marketkits believed a single empty page. Processes
        that ask for the same share the work. A symbol that is not listed, or ends meanwhile, is a
        failure in the report: the others are done.

        While the exchange is away the job waits, up to `patience`, and then fails. `1s` candles of
        more than three months ago can no longer be fetched: the log names them, and the report and
        `lake().coverage()` count them as not on the exchange.

        `archive=True` takes whole months and days from the zip files that the exchange publishes
        (from 2017-10 on, personal use only: the first use asks for consent), and asks REST for the
        rest: today, and what the archive lacks. A file that is damaged or refused is named in the
        report and its slots stay unknown: the same call tries again. `verify` finds files that
        were published again. Zips go away when they are used, unless `keep` names a folder.

        The timeframe `trade` fills `lake().trades`: through REST of the last seven days, with
        `archive=True` from 2022-05 on; the report counts days. Of these `verify` finds files that
        were published again.

        >>> mk.backfill("KRW-BTC", "1h", start="-7d", end="-1d", show=False).wait().complete
        True
        """
        wanted = self._wanted(symbols, timeframe, start, end)
        source = self._backfills.archive(archive, keep)
        how = manner(order, verify, patience, recheck=recheck, archive=source)
        return self._backfills.begin(wanted, how, priority, show=show)

    @overload
    def iter_candle(
        self,
        symbols: Symbols,
        timeframe: str,
        *,
        start: Time,
        end: Time | None = ...,
        rows: int = ...,
        patience: str = ...,
        frame: Literal["polars"] | None = ...,
        tz: str | None = ...,
        precision: Precision = ...,
        priority: Priority = ...,
        show: bool = ...,
    ) -> Chunks[pl.DataFrame]: ...
    @overload
    def iter_candle(
        self,
        symbols: Symbols,
        timeframe: str,
        *,
        start: Time,
        end: Time | None = ...,
        rows: int = ...,
        patience: str = ...,
        frame: Literal["pandas"],
        tz: str | None = ...,
        precision: Precision = ...,
        priority: Priority = ...,
        show: bool = ...,
    ) -> Chunks[pd.DataFrame]: ...
    @overload
    def iter_candle(
        self,
        symbols: Symbols,
        timeframe: str,
        *,
        start: Time,
        end: Time | None = ...,
        rows: int = ...,
        patience: str = ...,
        frame: Literal["arrow"],
        tz: str | None = ...,
        precision: Precision = ...,
        priority: Priority = ...,
        show: bool = ...,
    ) -> Chunks[pa.Table]: ...
    def iter_candle(
        self,
        symbols: Symbols,
        timeframe: str,
        *,
        start: Time,
        end: Time | None = None,
        rows: int = 100_000,
        patience: str = "12h",
        frame: FrameKind | None = None,
        tz: str | None = None,
        precision: Precision = "float",
        priority: Priority = "low",
        show: bool = True,
    ) -> Chunks[Any]:
        """Give candles in the order of time, chunk by chunk, while a backfill closes the gaps.

        Use it in `for` or `async for`. Each chunk has all symbols of a piece of time, at most
        `rows` candles, in the columns of `get_candle`; no more than one is held in memory. Leaving
        the loop leaves the backfill. `precision` is as for `get_candle`. Raises what a symbol fails
        with, and `InvalidRange` for `1s` candles that the exchange has no longer and the lake
        lacks.
        """
        form = validate_options(
            chosen(self._defaults, frame, tz, precision=precision, priority=priority)
        )
        index, fixed = index_of(symbols), fixed_of(symbols, closed=True)
        return self._backfills.stream(
            self._wanted(symbols, timeframe, start, end),
            manner("oldest", None, patience),
            priority,
            rows=rows,
            show=show,
            precision=precision,
            finish=partial(finish, frame=form.frame, tz=form.tz, index=index, fixed=fixed),
        )

    def jobs(self) -> pl.DataFrame:
        """List the backfills of this lake, the latest first, also of other processes.

        Columns are `jobs.catalog.JOBS`. `state` is `running`, `waiting` (the exchange is away, see
        `note`), `paused`, `interrupted` (its process died; the same call goes on), `stopped` (it
        left), or how it ended: `done`, `incomplete`, `cancelled`, `failed`.
        """
        return catalog.jobs(self._backfills.lake.root)

    def lake(self, place: str | Path | None = None) -> Lake:
        """Give the candle lake behind this provider, or the one at a place.

        `place` is a folder, or the URL of a folder in a bucket (`s3://bucket/folder`, `gs://`,
        `az://`; `pip install 'marketkit-upbit[s3]'`), whose credentials the environment has.
        Raises `InputError` for what is neither.
        """
        own = self._backfills.lake
        if place is None:
            return own
        other = Lake(place, source=own.source)
        other.clock, other.defaults = own.clock, own.defaults
        return other

    def _wanted(
        self, symbols: Symbols, timeframe: str, start: Time, end: Time | None
    ) -> BackfillRequest:
        given = naming.several(symbols)
        if is_relative(start) or is_relative(end) or any(map(naming.is_name, given)):
            engine().run(self._backfills.hear(given, start, end))
        return self._backfills.wanted(given, timeframe, start, end)
