"""Columns of candles are spelt in the way that is best for them, and read back as they were."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from marketkit.data.lake.format.encoding import encode
from marketkit.schema import ROW

PRICES = ("open", "high", "low", "close")


def minutes(closes):
    """Candles of one price each."""
    price = pl.Series(closes, dtype=pl.Float64)
    time = pl.int_range(len(closes), eager=True) * 60_000
    columns = dict.fromkeys((*PRICES, "volume", "value"), price)
    frame = pl.DataFrame({"symbol": ["KRW-BTC"] * len(closes), "time": time, **columns})
    return frame.cast({"time": ROW["time"]}).select(*ROW)


def spelt(content):
    return {name: column.encodings for name, column in columns(content).items()}


def columns(content):
    group = pq.read_metadata(io.BytesIO(content)).row_group(0)
    return {group.column(at).path_in_schema: group.column(at) for at in range(8)}


@pytest.mark.parametrize(
    ("closes", "has_dictionaries"),
    [
        ([float(each % 500 + 1) for each in range(20_000)], True),
        ([float(each + 1) for each in range(20_000)], False),
        ([float(each + 1) for each in range(20_000)] * 2, True),
        ([float(each + 1) for each in range(200)], True),
        ([], True),
    ],
    ids=["few prices", "hardly any price twice", "each price twice", "few rows", "no rows"],
)
def test_prices_are_in_dictionaries_unless_most_are_different(closes, has_dictionaries):
    rows = minutes(closes)
    content = encode(rows, {b"marketkit": b"{}"})
    assert pl.read_parquet(content).equals(rows)
    if closes:
        for price in PRICES:
            assert ("RLE_DICTIONARY" in spelt(content)[price]) is has_dictionaries
            assert ("BYTE_STREAM_SPLIT" in spelt(content)[price]) is not has_dictionaries


@pytest.mark.parametrize(
    ("different", "quick"),
    [
        (500, set()),
        (3_999, set()),
        (4_000, {"high", "low"}),
        (10_000, {"high", "low"}),
        (10_001, set()),
    ],
)
def test_two_columns_of_many_prices_are_packed_for_speed(different, quick):
    rows = minutes([float(each % different + 1) for each in range(20_000)])
    content = encode(rows, {b"marketkit": b"{}"})
    packed = {name: column.compression for name, column in columns(content).items()}
    assert {name for name, codec in packed.items() if codec == "LZ4"} == quick
    assert {name for name, codec in packed.items() if codec == "UNCOMPRESSED"} == {"value"}
    assert {packed[name] for name in packed.keys() - quick - {"value"}} == {"ZSTD"}
    assert (
        pl.from_arrow(pq.read_table(io.BytesIO(content)))
        .select("high", "low")
        .equals(rows.select("high", "low"))
    )
    assert pl.read_parquet(content).equals(rows)


def test_what_stands_in_the_footer_is_there():
    content = encode(minutes([1.0]), {b"marketkit": b"said"})
    assert pq.read_metadata(io.BytesIO(content)).metadata[b"marketkit"] == b"said"


# Months of minutes made into files by several threads; prints by how many MB that grew.
GROWTH = """
import threading
from pathlib import Path
from marketkit.data.lake.format.encoding import encode, load_writer
from tests.unit.data.lake.format.test_encoding import minutes
def private():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(each.split()[1]) for each in lines if each.startswith("Private_Dirty:")) / 1024
load_writer()
month = minutes([float(each % 9_973) for each in range(44_640)])
before = private()
work = lambda: [encode(month, {}) for _ in range(3)]
threads = [threading.Thread(target=work) for _ in range(6)]
[each.start() for each in threads]
[each.join() for each in threads]
print(private() - before)
"""


@pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="memory is read from /proc"
)
def test_what_writing_took_is_given_back():
    ran = subprocess.run(
        [sys.executable, "-c", GROWTH], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert float(ran.stdout) < 50  # kept, it is 70 to 150
