"""Candles: the lake and the live series against the exchange's own history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import polars as pl

import marketkit as mk
from benchmarks.soak.events import ENDED, LISTED
from marketkit.sandbox import Sandbox
from marketkit.timeframe import MINUTE, iso

if TYPE_CHECKING:
    from benchmarks.soak import Soak
    from benchmarks.soak.judge import Told

_NUMBERS = ["open", "high", "low", "close", "volume", "value"]
_BEHIND = 4 * MINUTE  # that a quiet market's last candle may wait for somebody to ask


def checks(soak: Soak, told: Told) -> Iterator[tuple[Any, ...]]:
    """Compare every slot that the lake knows, and all that `live` said."""
    truth = Truth(soak)
    yield from _lake(soak, truth)
    yield from _live(soak, told, truth)


class Truth:
    """The history of another exchange of the same seed; of an ended market up to the end."""

    def __init__(self, soak: Soak) -> None:
        self._twin = Sandbox(seed=soak.seed, now=soak.end, speed=0)
        self.ends = {one.kind: one.start for one in soak.exchange.incidents}
        if "list" in self.ends:
            self._twin.set_market(LISTED, "list", at=self.ends["list"])
        self._end = soak.end

    def end(self, symbol: str) -> int:
        """Give the moment before which all slots are over and whole."""
        end = self.ends.get("end", self._end) if symbol == ENDED else self._end
        return end // MINUTE * MINUTE

    def candles(self, symbol: str, start: int, end: int) -> pl.DataFrame:
        """Give the candles that start in a span."""
        return self._twin.candles(symbol, "1m", start, min(end, self.end(symbol)))


def _lake(soak: Soak, truth: Truth) -> Iterator[tuple[Any, ...]]:
    provider = mk.SmartDataProvider(endpoint=soak.exchange.endpoint, lake=soak.folder / "lake")
    lake, slots, wrong, unknown = provider.lake(), 0, [], 0
    for symbol in soak.filled:
        covered = lake.covered(symbol, "1m").clip(0, truth.end(symbol))
        for start, end in covered:
            slots += (end - start) // MINUTE
            kept = lake.read(symbol, "1m", start=iso(start), end=iso(end))
            wrong += [symbol] * differing(epochs(kept), truth.candles(symbol, start, end))
        unknown += _unknown(soak, symbol, covered, truth)
    provider.close()
    measured = f"{len(wrong):,} of {slots:,}"
    yield "slots of the lake that differ from the history", "0", measured, slots > 0 and not wrong
    yield (
        "minutes of the run that the lake lacks of followed markets",
        "0",
        str(unknown),
        not unknown,
    )


def _unknown(soak: Soak, symbol: str, covered: Any, truth: Truth) -> int:
    """Count the slots of the run, but for its young end, that the lake does not know."""
    from benchmarks.odd_day import FOLLOWED

    if symbol not in FOLLOWED or symbol == ENDED:
        return 0
    gaps = covered.gaps(soak.start // MINUTE * MINUTE, truth.end(symbol) - _BEHIND)
    return sum((end - start) // MINUTE for start, end in gaps)


def _live(soak: Soak, told: Told, truth: Truth) -> Iterator[tuple[Any, ...]]:
    finals = pl.read_csv(soak.folder / "finals.csv")
    last = finals.unique(["symbol", "time"], keep="last")
    frame = epochs(pl.read_parquet(soak.folder / "live.parquet"))
    wrong = missed = 0
    for symbol in told.handles["symbols"]["live"]:
        start, end = soak.start // MINUTE * MINUTE, truth.end(symbol)
        said = last.filter(pl.col("symbol") == symbol, pl.col("time") >= start)
        history = truth.candles(symbol, start, end)
        wrong += differing(said, history, missing=False)
        settled = history.filter(pl.col("time") < end - _BEHIND)
        missed += settled.join(said, on="time", how="anti").height
    yield (
        "candles told by `live` as final, wrong in the end",
        "0",
        f"{wrong} of {last.height:,}",
        not wrong,
    )
    yield "candles that `live` never told", "0", str(missed), not missed
    edges = _edges(frame, truth)
    yield "candles of `live.frame` that differ", "0", f"{edges} of {frame.height:,}", not edges


def _edges(frame: pl.DataFrame, truth: Truth) -> int:
    """Count the differences of a frame up to the last candle that is over."""
    wrong = 0
    for symbol in frame["symbol"].unique():
        own = frame.filter(pl.col("symbol") == symbol, pl.col("time") < truth.end(symbol))
        start, end = own["time"].min(), own["time"].max()
        wrong += differing(own, truth.candles(symbol, start, end + MINUTE))
    return wrong


def epochs(frame: pl.DataFrame) -> pl.DataFrame:
    """Give a frame with times in ms."""
    return frame.with_columns(pl.col("time").dt.epoch("ms"))


def differing(found: pl.DataFrame, history: pl.DataFrame, *, missing: bool = True) -> int:
    """Count the slots with other numbers in two frames, also where one has none."""
    columns = ["time", *_NUMBERS]
    own = found.select(columns).cast(dict.fromkeys(_NUMBERS, pl.Float64))
    one = own.join(history, on=columns, how="anti")["time"]
    other = history.join(own, on=columns, how="anti")["time"] if missing else one
    return pl.concat([one, other]).n_unique()
