"""The files of a small lake, damaged: see `fuzzing`.

`unsealed` is as earlier releases wrote, `wal` with an index that was never closed.
"""

from __future__ import annotations

import random
import shutil
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from datetime import date
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.format import chunk, seal
from marketkit.data.lake.store import verified
from marketkit.errors import MarketkitError
from marketkit.schema import MARKET, ROW, TIME, empty
from tests.hostile import fuzzing

MINUTE = 60_000
FEBRUARY = 1_706_745_600_000  # 2024-02-01T00:00Z
START, END = FEBRUARY - 40 * MINUTE, FEBRUARY + 80 * MINUTE
SYMBOLS = ("KRW-BTC", "KRW-ETH")
LATER = Spans([(END, END + 5 * MINUTE)])
MORE = Spans([(LATER.hull.end, LATER.hull.end + MINUTE)])
ALL = Spans([(START, MORE.hull.end)])
TOLD_AGAIN = 0.1  # of the cases, for a new process knows what is on disk and no more


def rows_of(symbol: str, spans: Spans) -> pl.DataFrame:
    """Make candles up; every third slot is empty."""
    times = [
        time for start, end in spans for time in range(start, end, MINUTE) if time // MINUTE % 3
    ]
    level = 100.0 * (1 + SYMBOLS.index(symbol))
    prices = [level + time // MINUTE % 17 / 8 for time in times]
    frame = pl.DataFrame({"time": times}, schema={"time": pl.Int64})
    return frame.with_columns(
        pl.col("time").cast(TIME),
        pl.lit(symbol).alias("symbol"),
        *(pl.Series(name, prices) for name in ("open", "high", "low", "close", "volume", "value")),
    ).select(*ROW)


def make_lake(root: Path) -> Lake:
    """Make a lake of two markets with a month's edge, an hour, a log, kept ends and a set."""
    lake, spans = Lake(root), Spans([(START, END)])
    for symbol in SYMBOLS:
        lake.append(symbol, "1m", rows_of(symbol, spans), spans, nothing_before=START)
        wrong = rows_of(symbol, LATER).with_columns(pl.col("volume") + 1)
        lake.append(symbol, "1m", wrong, LATER)
        lake.append(symbol, "1m", rows_of(symbol, LATER), LATER)
    lake.latest(count=5)
    lake.freeze("kept")
    return lake


def unsealed() -> None:
    """Write as earlier releases did."""

    def plain(content: bytes) -> seal.Sealed:
        return seal.Sealed(content, sha256(content).hexdigest())

    chunk.seal = SimpleNamespace(UNSEALED={}, seal=plain, check_footer=seal.check_footer)


def operations(lake: Lake, symbol: str) -> dict[str, Callable[[], Any]]:
    """Give what may be asked of a lake; each answers or raises one of our errors."""
    return {
        "covered": lambda: lake.covered(symbol, "1m"),
        "read": lambda: lake.read(symbol, "1m"),
        "hot": lambda: lake.latest(symbol, "1m", 5),
        "frozen": lambda: lake.as_of("kept").read(symbol, "1m"),
        "latest": lambda: lake.latest(symbol, "1m", 300),
        "coverage": lambda: lake.coverage(symbol, "1m"),
        "catalog": lake.catalog,
        "revisions": lake.revisions,
        "sets": lake.frozen,
        "verify": lambda: lake.verify("kept"),
        "sql": lambda: lake.sql("select count(*), sum(close) from candles_1m"),
        "gaps": lambda: lake.gaps(symbol, "1m", START, MORE.hull.end),
        "markets": lambda: lake.universe.at(date.max),
    }


# How many of a thousand cases ask or do something: what takes long is seldom done.
ASKED = {"read": 1000, "hot": 500, "frozen": 300, "covered": 150, "latest": 150, "markets": 20}
ASKED |= dict.fromkeys(("coverage", "catalog", "revisions", "sets", "verify", "gaps"), 60)
ASKED |= {"sql": 10, "read the other": 200}
DONE = {"repair": 30, "append": 400, "freeze": 90, "publish": 15, "thaw": 30, "delete": 15}


class DamagedLake:
    """A lake in which something is damaged."""

    def __init__(self, folder: Path, how: str) -> None:
        if "unsealed" in how:
            unsealed()
        self.root = folder / "lake"
        lake = make_lake(self.root)
        lake.universe.keep(MARKETS, FEBRUARY, make=True)
        with suppress(MarketkitError):  # it takes a package more
            lake.publish("kept")
        self._close(lake, log="wal" in how)
        locks = self.root / ".locks"
        files = (path for path in self.root.rglob("*") if locks not in path.parents)
        self.files = sorted(path for path in files if path.is_file())
        self.files += [path for path in self.files if path.match("candles/*/*/*/*.parquet")] * 2
        self._true = {symbol: rows_of(symbol, ALL) for symbol in SYMBOLS}
        self._lake = Lake(self.root)
        self._thawed = folder / "thawed"

    def _close(self, lake: Lake, *, log: bool) -> None:
        """Close the index, with all that it says in its log if a kill is to have come before."""
        names = [self.root / f"index.sqlite{suffix}" for suffix in ("", "-wal")]
        said = [name.read_bytes() for name in names]
        lake.index._database.close()
        for name, content in zip(names, said, strict=True) if log else ():
            name.write_bytes(content)

    def wrongs(self, spoilt: list[Path], random_: random.Random, number: int) -> Iterator[str]:
        """Ask, then write, and see whether damage was told or was made true by that."""
        verified._seen.clear()  # each case stands for a new process
        self._lake = Lake(self.root)
        shutil.rmtree(self._thawed, ignore_errors=True)
        symbol = next((each for each in SYMBOLS if each in str(spoilt[0])), SYMBOLS[number % 2])
        yield from self._all(ASKED, random_, symbol)
        done = yield from self._all(DONE, random_, symbol)
        if done:
            yield from self._tried("read", symbol, "after writing, ")
        if random_.random() < TOLD_AGAIN and "append" in done:
            self._lake = Lake(self.root)
            yield from self._tried("read", symbol, "to a new process, ")

    def _all(
        self, chances: dict[str, int], random_: random.Random, symbol: str
    ) -> Generator[str, None, list[str]]:
        drawn = [name for name, chance in chances.items() if random_.randrange(1000) < chance]
        for name in drawn:
            yield from self._tried(name, symbol)
            if name == "freeze":
                yield from self._tried("frozen anew", symbol)
        return drawn

    def _run(self, name: str, symbol: str) -> Any:
        lake, other = self._lake, SYMBOLS[symbol == SYMBOLS[0]]
        writes = {
            "append": lambda: lake.append(symbol, "1m", rows_of(symbol, MORE), MORE),
            "freeze": lambda: lake.freeze("later"),
            "frozen anew": lambda: lake.as_of("later").read(symbol, "1m"),
            "publish": lambda: lake.publish("kept"),
            "thaw": lambda: lake.thaw("kept", self._thawed).read(symbol, "1m"),
            "delete": lambda: lake.delete("kept"),
            "repair": lake.repair,
            "read the other": lambda: lake.read(other, "1m"),
        }
        return {**operations(lake, symbol), **writes}[name]()

    def _tried(self, name: str, symbol: str, when: str = "") -> Iterator[str]:
        try:
            got = self._run(name, symbol)
        except MarketkitError:
            return
        except BaseException as error:  # noqa: BLE001 - a panic is no Exception
            yield f"{when}{name}: {error!r}"[:300]
            return
        if isinstance(got, pl.DataFrame) and tuple(got.columns) == tuple(ROW):
            strange = self._strange(name, got, symbol)
            if strange and not self._is_seen(of_set="frozen" in name or name == "thaw"):
                yield f"{when}{name}: {strange} that audit does not see"
        elif name == "covered" and got - ALL and not self._is_seen(of_set=False):
            yield f"{when}{name}: {got - ALL} that nobody asked for"
        elif name == "markets" and not got[0].equals(MARKETS):
            yield f"{when}{name}: another list than was kept"

    def _is_seen(self, *, of_set: bool) -> bool:
        """Say whether audit finds anything; what it finds of frozen sets excuses only these."""
        places = self._lake.audit()["path"]
        return any(of_set or not place.startswith("snapshots/") for place in places)

    def _strange(self, name: str, got: pl.DataFrame, symbol: str) -> str:
        """Say which rows are wrong, or are missing though their slots count as known."""
        true = self._true[SYMBOLS[symbol == SYMBOLS[0]] if "other" in name else symbol]
        if got.equals(true.tail(got.height)) or got.equals(true.head(got.height)):
            wrong = 0
        else:
            wrong = got.join(true, on=list(ROW), how="anti", nulls_equal=True).height
        if wrong or not got["time"].is_sorted():
            return f"{wrong} wrong rows, sorted: {got['time'].is_sorted()}"
        if name == "read" and got.height < true.height - 1:
            with suppress(MarketkitError):
                covered = self._lake.covered(symbol, "1m")
                known = sum(time in covered for time in true["time"].cast(pl.Int64).to_list())
                if known != got.height:
                    return f"{got.height} of {known} rows"
        return ""


MARKETS = pl.concat(
    [
        empty(MARKET),
        pl.DataFrame({"symbol": SYMBOLS, "quote": ["KRW"] * 2, "base": ["BTC", "ETH"]}),
    ],
    how="diagonal",
).cast(pl.Schema(MARKET))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    fuzzing.main(DamagedLake)
