"""Makes `data/golden/lakes/format-2`, once: made-up candles that every later marketkit must read.

`python tests/unit/data/lake/golden_lake.py FOLDER` writes a lake and, beside it, `expected.json`: what
it says, worked out here from the candles and not read from the lake. The page that revises candles
waits in the journal; in format 1, made the same way, it had gone into the chunk. A format that was released is
never made anew; this shows how it was made, and makes the next one.
"""

from __future__ import annotations

import json
import shutil
import sys
from datetime import datetime
from pathlib import Path
from unittest.mock import patch

import polars as pl

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.store import pages
from marketkit.schema import ROW, TIME
from marketkit.timeframe import TIMEFRAMES

SEEN_AT = 1_706_800_000_000
FROZEN = "first"
Candle = tuple[int, float, float, float, float, float, float | None]


def at(text: str) -> int:
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp()) * 1000


# Symbol, timeframe, the spans that are covered, and the moment before which there is nothing.
SERIES = [
    ("KRW-BTC", "1m", [("2024-01-31T22:00", "2024-02-01T01:30")], "2024-01-31T22:00"),
    (
        "KRW-ETH",
        "1m",
        [("2024-01-31T23:00", "2024-02-01T00:20"), ("2024-02-01T00:40", "2024-02-01T01:00")],
        None,
    ),
    ("KRW-BTC", "1h", [("2024-01-31T20:00", "2024-02-01T02:00")], None),
    ("KRW-BTC", "1d", [("2024-01-01T00:00", "2024-01-11T00:00")], "2024-01-01T00:00"),
]


def candles(symbol: str, timeframe: str, spans: list[tuple[int, int]]) -> list[Candle]:
    """Make candles up; every fourth slot is empty, every ninth has no turnover."""
    width, price = TIMEFRAMES[timeframe].width, 50_000.0 if symbol == "KRW-BTC" else 3_000.5
    made: list[Candle] = []
    for slot in (slot for start, end in spans for slot in range(start // width, end // width)):
        if slot % 4 == 3:
            continue
        open_, close = price + slot % 17, price + slot % 13 / 8
        high, low, volume = max(open_, close) + 1, min(open_, close) - 0.5, 0.1 * (slot % 7 + 1)
        value = None if slot % 9 == 0 else close * volume
        made.append((slot * width, open_, high, low, close, volume, value))
    return made


def frame(symbol: str, made: list[Candle]) -> pl.DataFrame:
    names = [name for name in ROW if name != "symbol"]
    kinds = {name: pl.Int64() if name == "time" else ROW[name] for name in names}
    rows = pl.DataFrame(made, schema=kinds, orient="row")
    return rows.with_columns(pl.col("time").cast(TIME), pl.lit(symbol).alias("symbol")).select(*ROW)


def revise(made: list[Candle]) -> tuple[list[Candle], list[list[object]]]:
    """Let the exchange change its mind: a volume, a candle that goes and one that comes."""
    changed = (*made[0][:5], made[0][5] + 1, made[0][6])
    gone, came = made[1], (made[1][0] + 120_000, 10.0, 12.0, 9.0, 11.0, 1.0, 11.0)
    names = ["open", "high", "low", "close", "volume", "value"]
    revisions: list[list[object]] = [[made[0][0], "volume", made[0][5], changed[5]]]
    revisions += [[gone[0], name, was, None] for name, was in zip(names, gone[1:], strict=True)]
    revisions += [[came[0], name, None, now] for name, now in zip(names, came[1:], strict=True)]
    kept = sorted([changed, *made[2:], came])
    return kept, [each for each in revisions if each[2] is not None or each[3] is not None]


def make(folder: Path) -> None:
    """Write the lake and what is expected of it."""
    lake = Lake(folder / "lake")
    expected: dict[str, object] = {}
    for symbol, timeframe, texts, moment in SERIES:
        spans = [(at(start), at(end)) for start, end in texts]
        made = candles(symbol, timeframe, spans)
        before = None if moment is None else at(moment)
        lake.append(
            symbol, timeframe, frame(symbol, made), Spans(spans), nothing_before=before, seen_at=0
        )
        said = {"rows": made, "covered": spans, "nothing_before": before}
        expected[f"{symbol} {timeframe}"] = said
    frozen = lake.freeze(FROZEN)
    expected["frozen"] = {"name": FROZEN, "hash": frozen.hash, "KRW-BTC 1m": expected["KRW-BTC 1m"]}

    first = candles("KRW-BTC", "1m", [(at("2024-02-01T00:00"), at("2024-02-01T00:10"))])
    kept, revisions = revise(first)
    covering = Spans([(at("2024-02-01T00:00"), at("2024-02-01T00:10"))])
    with patch.object(pages, "_LARGE", 0):
        lake.append("KRW-BTC", "1m", frame("KRW-BTC", kept), covering, seen_at=SEEN_AT)
    series = expected["KRW-BTC 1m"]
    untouched = [each for each in series["rows"] if each not in first]
    expected["KRW-BTC 1m"] = {**series, "rows": sorted([*untouched, *kept])}
    expected["revisions"] = {"seen_at": SEEN_AT, "KRW-BTC 1m": revisions}

    for cache in lake.root.glob("index.sqlite*"):
        cache.unlink()
    shutil.rmtree(lake.root / ".locks")
    (folder / "expected.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
