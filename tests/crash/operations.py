"""What writes to a lake: each operation with the lake it starts from. Used by the crash matrix."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.format.chunk import KEY
from marketkit.data.lake.format.seal import UNSEALED
from marketkit.errors import NotWritable
from marketkit.schema import ROW, TIME

MINUTE = 60_000
FEBRUARY = 1_706_745_600_000  # 2024-02-01T00:00Z, where one chunk ends and the next begins
SERIES = "candles/source=upbit/timeframe=1min/series="


@dataclass(frozen=True, slots=True)
class Operation:
    """How to make the lake an operation starts from, and the operation.

    Beside the lake, in the same folder, lies whatever it reads or writes outside of it.
    """

    prepare: Callable[[Path], object]
    act: Callable[[Path], object]


def page(symbol: str, first: int, end: int, volume: float) -> tuple[pl.DataFrame, Spans]:
    """Make candles in two of three slots of a span, counted in minutes from February on."""
    slots = [slot for slot in range(first, end) if slot % 3]
    frame = pl.DataFrame({"time": [FEBRUARY + slot * MINUTE for slot in slots]})
    prices = dict.fromkeys(("open", "high", "low", "close"), 100.0)
    values = {"symbol": symbol, **prices, "volume": volume, "value": 100.0}
    rows = frame.with_columns(
        pl.col("time").cast(TIME), *(pl.lit(value).alias(name) for name, value in values.items())
    )
    return rows.select(*ROW), Spans([(FEBRUARY + first * MINUTE, FEBRUARY + end * MINUTE)])


def start(root: Path) -> Lake:
    """Make a lake of two series over two months, with a frozen set of what it was before."""
    lake = Lake(root)
    for symbol in ("KRW-BTC", "KRW-ETH"):
        lake.append(symbol, "1m", *page(symbol, -30, 10, 1.0), seen_at=FEBRUARY)
    lake.freeze("before")
    lake.append("KRW-BTC", "1m", *page("KRW-BTC", -2, 2, 1.5), seen_at=FEBRUARY)
    return lake


def append(root: Path) -> None:
    moment = FEBRUARY - 20 * MINUTE
    rows, covering = page("KRW-BTC", -15, 25, 2.0)
    Lake(root).append(
        "KRW-BTC", "1m", rows, covering, nothing_before=moment, seen_at=FEBRUARY + MINUTE
    )


def with_archive(root: Path) -> None:
    start(root)
    page("KRW-BTC", -15, 25, 2.0)[0].drop("symbol").write_parquet(root.parent / "in.parquet")


def take_in(root: Path) -> None:
    path = root.parent / "in.parquet"
    told = {"covering": "range", "settled": True, "prefer": "file"}
    Lake(root).import_(path, symbol="KRW-BTC", timeframe="1m", **told)


def with_other(root: Path) -> None:
    """Make another lake beside: it differs, knows more, and has seen a revision."""
    start(root)
    other = Lake(root.parent / "other")
    other.append("KRW-BTC", "1m", *page("KRW-BTC", 20, 25, 1.0), seen_at=FEBRUARY)
    other.append("KRW-BTC", "1m", *page("KRW-BTC", -40, 25, 2.0), seen_at=FEBRUARY)
    moment = FEBRUARY - 50 * MINUTE
    rows, covering = page("KRW-XRP", -5, 5, 1.0)
    other.append("KRW-XRP", "1m", rows, covering, nothing_before=moment, seen_at=FEBRUARY)


def merge(root: Path) -> None:
    Lake(root).merge(root.parent / "other", prefer="other")


def with_export(root: Path) -> None:
    start(root)
    (root.parent / "out.csv").write_text("what was there before\n")


def export(root: Path) -> None:
    Lake(root).export(root.parent / "out.csv", overwrite=True)


def broken(root: Path) -> None:
    """Leave something for every way of mending."""
    start(root)
    replace(root / f"{SERIES}KRW-ETH" / "2024-01.parquet", b"rot")
    path = root / f"{SERIES}KRW-BTC" / "2024-02.parquet"
    replace(path, unsorted(path))
    path.with_name("2024-02.parquet.999.beef.tmp").write_bytes(b"half a file")
    log = root / "revisions/source=upbit/timeframe=1min/KRW-BTC.ndjson"
    log.write_bytes(b"no revision\n" + log.read_bytes())
    (root / "index.sqlite").write_bytes(b"no database" * 99)


def replace(path: Path, content: bytes) -> None:
    """Put a broken file in the place of a chunk, and leave the one that is frozen as it is."""
    path.unlink()
    path.write_bytes(content)


def unsorted(path: Path) -> bytes:
    """Give the bytes of a chunk of an earlier release, without a seal, in another order of rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path, partitioning=None)
    said = json.loads(table.schema.metadata[KEY])
    said = {name: value for name, value in said.items() if name not in UNSEALED}
    table = table.replace_schema_metadata({KEY: json.dumps(said)})
    output = pa.BufferOutputStream()
    pq.write_table(table.take(list(range(table.num_rows))[::-1]), output)
    return output.getvalue().to_pybytes()


def mended(root: Path) -> None:
    """Mend, and raise the failures that the report tells of, for each mend stands alone."""
    done = Lake(root).repair()
    failures = done.filter(action="left")["detail"].to_list()
    if failures:
        raise NotWritable("; ".join(failures))


def careless(root: Path) -> None:
    """Write in place, as nothing in the library does: what the matrix must not let pass."""
    rows, covering = page("KRW-BTC", -15, 25, 2.0)
    other = root.parent / "other"
    Lake(other).append("KRW-BTC", "1m", rows, covering)
    for path in sorted((other / f"{SERIES}KRW-BTC").iterdir()):
        shutil.copyfile(path, root / f"{SERIES}KRW-BTC" / path.name)


OPERATIONS = {
    "append": Operation(start, append),
    "import": Operation(with_archive, take_in),
    "merge": Operation(with_other, merge),
    "export": Operation(with_export, export),
    "freeze": Operation(start, lambda root: Lake(root).freeze("now")),
    "thaw": Operation(start, lambda root: Lake(root).thaw("before", root.parent / "thawed")),
    "delete": Operation(start, lambda root: Lake(root).delete("before")),
    "publish": Operation(start, lambda root: Lake(root).publish("before")),
    "repair": Operation(broken, mended),
    "latest": Operation(start, lambda root: Lake(root).latest(count=5)),
    "careless": Operation(start, careless),
}
