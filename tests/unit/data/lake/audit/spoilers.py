"""Ways to break a lake, each with the findings that must tell of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.format.chunk import Footer, read_chunk, write_chunk
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.format.seal import UNSEALED
from marketkit.schema import ROW, TIME
from marketkit.timeframe import TIMEFRAMES

MINUTE = 60_000
JANUARY = 1_704_067_200_000  # 2024-01-01T00:00Z
SERIES = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])
CHUNK = SERIES.path("2024-01")
LOG = "revisions/source=upbit/timeframe=1min/KRW-BTC.ndjson"
SLOTS = 30  # covered from January on; two of three traded


def rows_of(symbol: str) -> pl.DataFrame:
    slots = [slot for slot in range(SLOTS) if slot % 3]
    frame = pl.DataFrame({"time": [JANUARY + slot * MINUTE for slot in slots]})
    prices = [(100.0 + slot / 10) for slot in slots]
    return frame.with_columns(
        pl.col("time").cast(TIME),
        pl.lit(symbol).alias("symbol"),
        *(pl.Series(name, prices) for name in ("open", "high", "low", "close")),
        *(pl.Series(name, [float(slot) for slot in slots]) for name in ("volume", "value")),
    ).select(*ROW)


def covering(slots: int = SLOTS) -> Spans:
    return Spans([(JANUARY, JANUARY + slots * MINUTE)])


def make_lake(root: Path) -> Lake:
    """Make a sound lake of two series, with a log of revisions and an index."""
    lake = Lake(root)
    for symbol in ("KRW-BTC", "KRW-ETH"):
        rows = rows_of(symbol)
        lake.append(symbol, "1m", rows, covering(), nothing_before=JANUARY - 5 * MINUTE)
        lake.append(symbol, "1m", rows.with_columns(pl.col("volume") + 1), covering())
    return lake


@dataclass(frozen=True, slots=True)
class Spoiler:
    """How to break a lake; what is found at `path`; which slots of it can still be trusted.

    `slots` is None where the slots that stay are all there were.
    """

    name: str
    spoil: Callable[[Path], object]
    findings: set[str]
    action: str
    path: str = CHUNK
    slots: Callable[[int], bool] | None = None


def rewritten(
    change: Callable[[pl.DataFrame], pl.DataFrame], **said: object
) -> Callable[[Path], object]:
    """Write the chunk again with other rows, counted right unless `said` says otherwise."""

    def spoil(root: Path) -> None:
        rows, footer = read_chunk(root / CHUNK, SERIES)
        rows = change(rows)
        times = rows["time"].cast(pl.Int64)
        ends = Footer(footer.covered, footer.nothing_before, rows.height, times.min(), times.max())
        write_chunk(root / CHUNK, rows, replace(ends, **said), SERIES)

    return spoil


def with_footer(**said: object) -> Callable[[Path], object]:
    """Write the chunk again with the same rows and another word about them."""

    def spoil(root: Path) -> None:
        table = pq.read_table(root / CHUNK, partitioning=None)
        footer = {**json.loads(table.schema.metadata[b"marketkit"]), **said}
        for name in UNSEALED:  # the proof of other bytes
            del footer[name]
        marked = table.replace_schema_metadata({b"marketkit": json.dumps(footer).encode()})
        pq.write_table(marked, root / CHUNK)

    return spoil


def with_bytes(path: str, content: bytes) -> Callable[[Path], object]:
    def spoil(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)

    return spoil


def flipped(root: Path) -> None:
    """Flip one bit, as a disk does: neither size nor time of the file change."""
    content = bytearray((root / CHUNK).read_bytes())
    content[len(content) // 3] ^= 4
    with (root / CHUNK).open("r+b") as file:
        file.write(content)
    restamp(root)


def restamp(root: Path) -> None:
    """Tell the index the stamp of the chunk as it is now, and nothing else."""
    stat = (root / CHUNK).stat()
    told_here(root, "UPDATE chunks SET mtime_ns = ?", stat.st_mtime_ns)


def told(root: Path, statement: str, *values: object) -> None:
    connection = sqlite3.connect(root / "index.sqlite")
    with connection:
        connection.execute(statement, values)
    connection.close()


def trusting(root: Path) -> None:
    """Make the index take the folder of the series to be as it saw it."""
    stat = (root / SERIES.folder).stat()
    moment = (stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns)
    told(root, "REPLACE INTO folders VALUES (?, ?, ?, ?)", SERIES.folder, *moment)


def told_here(root: Path, statement: str, *values: object) -> None:
    """Change what the index says of the chunk."""
    told(root, statement + " WHERE folder = ? AND chunk = '2024-01'", *values, SERIES.folder)


def set_at(slot: int, **columns: object) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Replace columns in the row of one slot."""
    there = pl.col("time").cast(pl.Int64) == JANUARY + slot * MINUTE

    def change(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.with_columns(
            pl.when(there)
            .then(value if isinstance(value, pl.Expr) else pl.lit(value))
            .otherwise(name)
            .cast(ROW[name])
            .alias(name)
            for name, value in columns.items()
        )

    return change


def later(slot: int, by: int) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Move the row of one slot."""
    time = pl.lit(JANUARY + slot * MINUTE + by).cast(TIME)
    return lambda rows: set_at(slot, time=time)(rows).sort("time")


def again(slot: int, change: Callable[[pl.DataFrame], pl.DataFrame]):
    """Write the row of one slot twice."""
    there = pl.col("time").cast(pl.Int64) == JANUARY + slot * MINUTE
    return lambda rows: pl.concat([rows, change(rows.filter(there))]).sort("time")


def same(rows: pl.DataFrame) -> pl.DataFrame:
    return rows


def foreign(root: Path) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(root / CHUNK)


def moved(root: Path) -> None:
    (root / CHUNK).rename(root / SERIES.path("2024-02"))
    told_here(root, "DELETE FROM chunks")


def frozen_wrong(root: Path) -> None:
    """Freeze, and put other bytes in the place of a frozen file."""
    Lake(root).freeze("kept")
    path = root / "snapshots" / "kept" / CHUNK
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:-9])


MARKETS = "markets/source=upbit/2024-01-01.parquet"
SPOILERS = [
    Spoiler("a rotten market list", with_bytes(MARKETS, b"rot"), {"corrupt"}, "set aside", MARKETS),
    Spoiler("rot", with_bytes(CHUNK, b"rot"), {"corrupt"}, "set aside"),
    Spoiler("an empty file", with_bytes(CHUNK, b""), {"corrupt"}, "set aside"),
    Spoiler("a flipped bit", flipped, {"corrupt"}, "set aside"),
    Spoiler("a foreign file", foreign, {"foreign"}, "set aside"),
    Spoiler("a footer that is no JSON object", with_footer(covered=7), {"corrupt"}, "set aside"),
    Spoiler("a footer of words", with_footer(rows="many"), {"corrupt"}, "set aside"),
    Spoiler("another symbol's chunk", with_footer(symbol="KRW-XRP"), {"misplaced"}, "set aside"),
    Spoiler("another width's chunk", with_footer(timeframe="3m"), {"misplaced"}, "set aside"),
    Spoiler(
        "another month's claims", with_footer(covered=[[0, MINUTE]]), {"misplaced"}, "set aside"
    ),
    Spoiler("another month's name", moved, {"misplaced"}, "set aside", SERIES.path("2024-02")),
    Spoiler(
        "a name that is no month",
        with_bytes(SERIES.path("copy"), b"rot"),
        {"misplaced"},
        "set aside",
        SERIES.path("copy"),
        lambda _slot: True,
    ),
    Spoiler("a later format", with_footer(format=2), {"newer"}, "left"),
    Spoiler("unsorted rows", rewritten(pl.DataFrame.reverse), {"unsorted"}, "mended"),
    Spoiler("a row twice", rewritten(again(4, same)), {"duplicate"}, "mended"),
    Spoiler(
        "a row twice and counted once",
        rewritten(again(4, same), rows=20),
        {"duplicate"},
        "mended",
    ),
    Spoiler(
        "two rows for one time",
        rewritten(again(4, set_at(4, volume=9.5))),
        {"contradiction"},
        "mended",
        slots=lambda slot: slot != 4,
    ),
    Spoiler(
        "a row of another symbol",
        rewritten(set_at(4, symbol="KRW-XRP")),
        {"symbol"},
        "mended",
        slots=lambda slot: slot != 4,
    ),
    Spoiler(
        "a row inside a slot",
        rewritten(later(4, 30_000)),
        {"misaligned"},
        "mended",
        slots=lambda slot: slot % 3 and slot != 4,
    ),
    Spoiler(
        "a low above the open",
        rewritten(set_at(4, low=1e6)),
        {"impossible"},
        "mended",
        slots=lambda slot: slot != 4,
    ),
    Spoiler(
        "a price that is no number",
        rewritten(set_at(4, close=float("nan"))),
        {"impossible"},
        "mended",
        slots=lambda slot: slot != 4,
    ),
    Spoiler(
        "a missing price",
        rewritten(set_at(4, close=None)),
        {"impossible"},
        "mended",
        slots=lambda slot: slot != 4,
    ),
    Spoiler(
        "a row of another month",
        rewritten(later(29, 40 * 1440 * MINUTE)),
        {"overlap"},
        "mended",
        slots=lambda slot: slot % 3 and slot != 29,
    ),
    Spoiler(
        "rows outside of what is claimed",
        rewritten(same, covered=covering(20)),
        {"uncovered"},
        "mended",
        slots=lambda slot: slot % 3 and slot < 20,
    ),
    Spoiler(
        "a claim of half a slot",
        rewritten(same, covered=Spans([(JANUARY, JANUARY + SLOTS * MINUTE + 30_000)])),
        {"claim"},
        "mended",
    ),
    Spoiler(
        "rows that went without a word",
        rewritten(lambda rows: rows[:-1], rows=20, last=JANUARY + 29 * MINUTE),
        {"miscounted"},
        "mended",
        slots=lambda slot: slot % 3 and slot != 29,
    ),
    Spoiler(
        "a wrong count",
        rewritten(same, rows=19),
        {"miscounted"},
        "mended",
        slots=lambda slot: slot % 3,
    ),
    Spoiler(
        "a row without a time",
        rewritten(set_at(4, time=pl.lit(None, TIME))),
        {"corrupt"},
        "set aside",
    ),
    Spoiler(
        "a stray file",
        with_bytes(f"{SERIES.folder}/notes.txt", b"mine"),
        {"stray"},
        "left",
        f"{SERIES.folder}/notes.txt",
    ),
    Spoiler(
        "a stray folder",
        with_bytes("candles/source=upbit/timeframe=7min/x", b"mine"),
        {"stray"},
        "left",
        "candles/source=upbit/timeframe=7min",
    ),
    Spoiler(
        "a temporary chunk",
        with_bytes(f"{CHUNK}.999.beef.tmp", b"half"),
        {"litter"},
        "removed",
        f"{CHUNK}.999.beef.tmp",
    ),
    Spoiler(
        "half a lake.json",
        with_bytes("lake.json.999.beef.tmp", b"{"),
        {"litter"},
        "removed",
        "lake.json.999.beef.tmp",
    ),
    Spoiler(
        "half a lake.json of an earlier release",
        with_bytes(".lake.json.beef.tmp", b"{"),
        {"litter"},
        "removed",
        ".lake.json.beef.tmp",
    ),
    Spoiler(
        "no lake.json", lambda root: (root / "lake.json").unlink(), {"lake"}, "remade", "lake.json"
    ),
    Spoiler("no format", with_bytes("lake.json", b"{}"), {"lake"}, "remade", "lake.json"),
    Spoiler(
        "a damaged index",
        with_bytes("index.sqlite", b"rot" * 500),
        {"index"},
        "removed",
        "index.sqlite",
    ),
    Spoiler(
        "an index that knows what is not there",
        lambda root: told_here(root, "UPDATE chunks SET chunk = '2031-01'"),
        {"index"},
        "removed",
        "index.sqlite",
    ),
    Spoiler(
        "an index that says something else",
        lambda root: told(root, "UPDATE chunks SET covered = '[[0,60000]]'"),
        {"index"},
        "removed",
        "index.sqlite",
    ),
    Spoiler(
        "an index that trusts a folder of which it knows too little",
        lambda root: (trusting(root), told_here(root, "DELETE FROM chunks")),
        {"index"},
        "removed",
        "index.sqlite",
    ),
    Spoiler(
        "an index that trusts a folder of which it knows an older version",
        lambda root: (trusting(root), told_here(root, "UPDATE chunks SET size = size + 1")),
        {"index"},
        "removed",
        "index.sqlite",
    ),
    Spoiler(
        "an index that keeps other last candles",
        lambda root: (
            Lake(root).latest(count=5),
            told(root, "UPDATE ends SET content = zeroblob(56)"),
        ),
        {"index"},
        "removed",
        "index.sqlite",
    ),
    Spoiler(
        "an index of nonsense",
        lambda root: told(root, "UPDATE chunks SET covered = 'x'"),
        {"index"},
        "removed",
        "index.sqlite",
    ),
    Spoiler(
        "a line that is no revision",
        lambda root: (root / LOG).write_bytes(b"{}\n" + (root / LOG).read_bytes()),
        {"revisions"},
        "mended",
        LOG,
    ),
    Spoiler(
        "half a line",
        lambda root: (root / LOG).write_bytes((root / LOG).read_bytes() + b'{"sym'),
        {"litter"},
        "mended",
        LOG,
    ),
    Spoiler(
        "a temporary log",
        with_bytes(f"{LOG}.beef.tmp", b"half"),
        {"litter"},
        "removed",
        f"{LOG}.beef.tmp",
    ),
    Spoiler(
        "a stray log",
        with_bytes("revisions/source=upbit/timeframe=1min/x.txt", b""),
        {"stray"},
        "left",
        "revisions/source=upbit/timeframe=1min/x.txt",
    ),
    Spoiler(
        "a frozen file that was cut",
        frozen_wrong,
        {"snapshot"},
        "left",
        f"snapshots/kept/{CHUNK}",
    ),
    Spoiler(
        "a frozen set that was never finished",
        with_bytes("snapshots/.beef.tmp/candles/x", b"half"),
        {"litter"},
        "removed",
        "snapshots/.beef.tmp",
    ),
]
