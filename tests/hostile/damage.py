"""Damages files of a small lake, case by case, and looks whether anything wrong goes unnoticed.

`python tests/hostile/damage.py FOLDER SEED FIRST LAST [unsealed]` tries the cases of a range and
writes a line of JSON for each that is not as it should be. The number of the case at work is in
`FOLDER/case`, for whoever finds this process ended by a signal.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.format import chunk, seal
from marketkit.errors import MarketkitError
from marketkit.schema import ROW, TIME

MINUTE = 60_000
FEBRUARY = 1_706_745_600_000  # 2024-02-01T00:00Z
START, END = FEBRUARY - 40 * MINUTE, FEBRUARY + 80 * MINUTE
SYMBOLS = ("KRW-BTC", "KRW-ETH")
LATER = Spans([(END, END + 5 * MINUTE)])


def rows_of(symbol: str, spans: Spans) -> pl.DataFrame:
    """Make candles up; every third slot is empty."""
    times = [
        time for start, end in spans for time in range(start, end, MINUTE) if time // MINUTE % 3
    ]
    prices = [100.0 + time // MINUTE % 17 / 8 for time in times]
    frame = pl.DataFrame({"time": times}, schema={"time": pl.Int64})
    return frame.with_columns(
        pl.col("time").cast(TIME),
        pl.lit(symbol).alias("symbol"),
        *(pl.Series(name, prices) for name in ("open", "high", "low", "close", "volume", "value")),
    ).select(*ROW)


def make_lake(root: Path) -> None:
    """Make a lake of two markets with a month's edge, an hour, a log, kept ends and a set."""
    lake, spans = Lake(root), Spans([(START, END)])
    for symbol in SYMBOLS:
        lake.append(symbol, "1m", rows_of(symbol, spans), spans, nothing_before=START)
        wrong = rows_of(symbol, LATER).with_columns(pl.col("volume") + 1)
        lake.append(symbol, "1m", wrong, LATER)
        lake.append(symbol, "1m", rows_of(symbol, LATER), LATER)
    lake.latest(count=5)
    lake.freeze("kept")


def unsealed() -> None:
    """Write as earlier releases did."""

    def plain(content: bytes) -> seal.Sealed:
        return seal.Sealed(content, sha256(content).hexdigest())

    chunk.seal = SimpleNamespace(UNSEALED={}, seal=plain, check_footer=seal.check_footer)


def damaged(random_: random.Random, content: bytes, other: bytes) -> bytes:
    """Damage bytes as disks, programs and people do."""
    kind, size = random_.randrange(5), len(content)
    changed, at = bytearray(content), random_.randrange(max(1, size))
    if kind == 0:
        return content[:at]
    if kind == 1:
        return other
    if kind == 2:
        length = random_.randrange(1, 200)
        changed[at : at + length] = random_.randbytes(min(length, size - at))
    elif kind == 3:
        changed[at : at + random_.randrange(1, 64)] = b""
    else:
        changed[at] ^= 1 << random_.randrange(8)
    return bytes(changed)


def operations(lake: Lake, symbol: str) -> dict[str, Callable[[], Any]]:
    """Give what may be asked of a lake; each answers or raises one of our errors."""
    return {
        "catalog": lake.catalog,
        "coverage": lambda: lake.coverage(symbol, "1m"),
        "read": lambda: lake.read(symbol, "1m"),
        "latest": lambda: lake.latest(symbol, "1m", 300),
        "hot": lambda: lake.latest(symbol, "1m", 5),
        "revisions": lake.revisions,
        "frozen": lambda: lake.as_of("kept").read(symbol, "1m"),
        "sets": lake.frozen,
    }


def wrongs(root: Path, number: int) -> Iterator[str]:
    """Ask everything of a damaged lake, and say what should not be."""
    true = {symbol: rows_of(symbol, Spans([(START, LATER.hull.end)])) for symbol in SYMBOLS}
    lake, found = Lake(root), None
    for symbol in SYMBOLS:
        for name, ask in operations(lake, symbol).items():
            try:
                got = ask()
            except MarketkitError:
                continue
            except BaseException as error:  # noqa: BLE001 - a panic is no Exception
                yield f"{name}: {error!r}"[:300]
                continue
            if name in {"read", "latest", "hot", "frozen"}:
                strange = got.join(true[symbol], on=list(ROW), how="anti", nulls_equal=True)
                found = lake.audit() if found is None and strange.height else found
                if strange.height and found.is_empty():
                    yield f"{name}: {strange.height} wrong rows that audit does not see"
    yield from written(lake, true, number)


def written(lake: Lake, true: dict[str, pl.DataFrame], number: int) -> Iterator[str]:
    """Write, and see whether damage was made true by that; look and mend every tenth time."""
    symbol = SYMBOLS[number % 2]
    more = Spans([(LATER.hull.end, LATER.hull.end + MINUTE)])
    tried = {
        "append": lambda: lake.append(symbol, "1m", rows_of(symbol, more), more),
        "freeze": lambda: lake.freeze("later"),
    }
    if number % 10 == 0:
        tried |= {"audit": lake.audit, "repair": lake.repair}
    for name, run in tried.items():
        try:
            run()
        except MarketkitError:
            continue
        except BaseException as error:  # noqa: BLE001 - as above
            yield f"{name}: {error!r}"[:300]
    with suppress(MarketkitError):
        got = lake.read(symbol, "1m").filter(pl.col("time").cast(pl.Int64) < LATER.hull.end)
        strange = got.join(true[symbol], on=list(ROW), how="anti", nulls_equal=True)
        if strange.height and lake.audit().is_empty():
            yield f"{strange.height} wrong rows were made true"


def try_cases(folder: Path, seed: int, first: int, last: int) -> Iterator[tuple[int, str, str]]:
    """Damage one file for each case; give case, file and what is wrong."""
    sound = folder / "sound"
    if not sound.exists():
        make_lake(sound)
    files = sorted(
        path for path in sound.rglob("*") if path.is_file() and ".locks" not in str(path)
    )
    for number in range(first, last):
        random_ = random.Random(f"{seed} {number}")
        (folder / "case").write_text(str(number))
        root = folder / "tried"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(sound, root)
        path, other = random_.choice(files), random_.choice(files)
        spoilt = root / path.relative_to(sound)
        spoilt.write_bytes(damaged(random_, path.read_bytes(), other.read_bytes()))
        for wrong in wrongs(root, number):
            yield number, path.relative_to(sound).as_posix(), wrong


if __name__ == "__main__":
    if sys.argv[5:] == ["unsealed"]:
        unsealed()
    seed, first, last = map(int, sys.argv[2:5])
    for each in try_cases(Path(sys.argv[1]), seed, first, last):
        sys.stdout.write(json.dumps(each) + "\n")
        sys.stdout.flush()
