"""Bit rot is never written over, never read, and never ends the process."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.errors import CorruptFile, Incomplete, MarketkitError
from tests.hostile import damage
from tests.hostile.damage import END, FEBRUARY, LATER, MINUTE, START, rows_of
from tests.hostile.fuzzing import ROOT

CHUNK = "candles/source=upbit/timeframe=1min/series=KRW-BTC/2024-02.parquet"
PLACES = {
    "the candles": lambda content: len(content) // 3,
    "the heads of the pages": lambda _content: 6,
    "what is covered": lambda content: content.index(b'"covered": [[') + 20,
    "the number of rows": lambda content: content.index(b'"rows": ') + 8,
    "the format": lambda content: content.index(b'"format": ') + 10,
    "the seal": lambda content: content.index(b'"pages": ') + 12,
    "the footer's length": lambda content: len(content) - 8,
}


def forget(root):
    for path in root.glob("index.sqlite*"):
        path.unlink()


INDEXES = {"known": lambda _root: None, "gone": forget}


def rot(root, place, bit=1):
    """Flip one bit as a disk does: size and time of writing stay."""
    path = root / CHUNK
    stat, content = path.stat(), path.read_bytes()
    at = PLACES[place](content)
    spoilt = content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :]
    with path.open("r+b") as file:
        file.write(spoilt)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    return spoilt


def append(root, symbol="KRW-BTC"):
    more = Spans([(LATER.hull.end, LATER.hull.end + 3 * MINUTE)])
    return Lake(root).append(symbol, "1m", rows_of(symbol, more), more)


def kept_aside(root):
    return [path.read_bytes() for path in (root / "corrupt").rglob("*.parquet")]


@pytest.fixture
def root(tmp_path):
    damage.make_lake(tmp_path / "lake")
    return tmp_path / "lake"


@pytest.mark.parametrize("index", INDEXES)
@pytest.mark.parametrize("place", PLACES)
def test_a_flipped_bit_is_found_and_not_written_over(root, place, index):
    spoilt = rot(root, place)
    INDEXES[index](root)
    assert not Lake(root).audit().is_empty()
    with pytest.raises(CorruptFile, match="2024-02"):
        append(root)
    where = [(root / CHUNK).read_bytes()] if (root / CHUNK).exists() else kept_aside(root)
    assert where == [spoilt]
    assert append(root, "KRW-ETH").rows == 2


@pytest.mark.parametrize("index", INDEXES)
@pytest.mark.parametrize("place", [place for place in PLACES if "length" not in place])
def test_the_bytes_are_set_aside_and_their_slots_asked_again(root, place, index):
    Lake(root).delete("kept")  # a second name of the same bytes
    spoilt = rot(root, place)
    INDEXES[index](root)
    with pytest.raises(CorruptFile, match="backfill them again"):
        append(root)
    assert kept_aside(root) == [spoilt]
    lake = Lake(root)
    assert lake.missing("KRW-BTC", "1m", START, END) == Spans([(FEBRUARY, END)])
    assert (
        lake.read("KRW-BTC", "1m").height == rows_of("KRW-BTC", Spans([(START, FEBRUARY)])).height
    )
    again = Spans([(FEBRUARY, LATER.hull.end)])
    lake.append("KRW-BTC", "1m", rows_of("KRW-BTC", again), again)
    assert append(root).rows == 2
    assert lake.audit().is_empty()


@pytest.mark.parametrize("index", INDEXES)
@pytest.mark.parametrize("place", PLACES)
def test_no_reader_gives_candles_of_rotten_bytes(root, place, index):
    rot(root, place)
    INDEXES[index](root)
    reads = [
        lambda lake: lake.read("KRW-BTC", "1m"),
        lambda lake: lake.read("KRW-BTC", "1m", FEBRUARY, FEBRUARY + MINUTE),
        lambda lake: lake.latest("KRW-BTC", "1m", 300),
        lambda lake: lake.coverage("KRW-BTC", "1m"),
        lambda lake: lake.sql("select sum(close) from candles_1m where symbol = 'KRW-BTC'"),
        lambda lake: lake.scan("KRW-BTC", "1m").collect(),
    ]
    for read in reads:
        with pytest.raises(CorruptFile, match="2024-02"):
            read(Lake(root))
    assert Lake(root).read("KRW-ETH", "1m").height > 0


def test_what_rotted_is_neither_frozen_nor_published_nor_thawed(root, tmp_path):
    rot(root, "the candles")
    lake = Lake(root)
    with pytest.raises(CorruptFile, match="2024-02"):  # a second name of the same bytes
        lake.publish("kept")
    with pytest.raises(CorruptFile, match="2024-02"):
        lake.thaw("kept", tmp_path / "new")
    with pytest.warns(Incomplete, match="2024-02"):
        lake.freeze("later")
    assert set(lake.as_of("later").catalog()["symbol"]) == {"KRW-ETH"}


def test_a_chunk_of_an_earlier_release_is_read_until_it_rots(tmp_path):
    subprocess.run([sys.executable, "-c", OLD, str(tmp_path)], check=True, cwd=ROOT)
    root = tmp_path / "sound"
    assert b'"pages"' not in (root / CHUNK).read_bytes()
    for index in INDEXES.values():
        index(root)
        assert Lake(root).read("KRW-BTC", "1m").height > 0
    for place in ("the candles", "the heads of the pages"):
        spoilt = rot(root, place)
        with pytest.raises(CorruptFile):
            Lake(root).read("KRW-BTC", "1m")
        rot(root, place)
        assert (root / CHUNK).read_bytes() != spoilt
    assert append(root).rows == 2
    assert b'"pages"' in (root / CHUNK).read_bytes()


OLD = """
import sys
from pathlib import Path
from tests.hostile import damage
damage.unsealed()
damage.make_lake(Path(sys.argv[1]) / "sound")
"""


@pytest.mark.parametrize(
    "said",
    [
        {"covered": [[0, 1e400]]},
        {"covered": [[0, 10**30]]},
        {"nothing_before": 10**18},
        {"nothing_before": True},
        {"first": 10**40},
        {"covered": {"a": 1}},
        {"format": []},
    ],
    ids=str,
)
def test_a_footer_of_nonsense_is_one_of_our_errors_everywhere(root, said):
    Lake(root).delete("kept")
    table = pq.read_table(root / CHUNK, partitioning=None)
    footer = {**json.loads(table.schema.metadata[b"marketkit"]), **said}
    footer = {name: value for name, value in footer.items() if name not in {"pages", "footer"}}
    text = json.dumps(footer).replace("Infinity", "1e400")
    pq.write_table(table.replace_schema_metadata({b"marketkit": text.encode()}), root / CHUNK)
    lake = Lake(root)
    for ask in damage.operations(lake, "KRW-BTC").values():
        with suppress(MarketkitError, Incomplete):
            ask()
    assert not lake.audit().is_empty()
    lake.repair()
    assert lake.audit().is_empty()


def put(name, content=b"x"):
    """Put a file with this name of bytes below the root."""

    def spoil(root):
        path = Path(os.fsdecode(os.fsencode(root) + b"/" + name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    return spoil


def told(statement):
    """Change what the index says."""

    def spoil(root):
        connection = sqlite3.connect(root / "index.sqlite")
        with connection:
            connection.execute(statement)
        connection.close()

    return spoil


def with_words(root):
    """Write symbols that are no text."""
    table = pq.read_table(root / CHUNK, partitioning=None)
    words = pa.array([b"KRW-\xff\xfe"] * table.num_rows, pa.binary())
    words = pa.StringArray.from_buffers(table.num_rows, *words.buffers()[1:])
    pq.write_table(table.set_column(0, "symbol", words), root / CHUNK)


def with_names(root):
    """Give a column a name that is no text."""
    path = root / CHUNK
    path.write_bytes(path.read_bytes().replace(b"symbol", b"\xff\xfe\xfdbol"))


LOG = b"revisions/source=upbit/timeframe=1min/KRW-BTC.ndjson"
ODD = {
    "a file": put(f"{Path(CHUNK).parent}/".encode() + b"\xff.parquet"),
    "another file": put(f"{Path(CHUNK).parent}/".encode() + b"\xff.txt"),
    "a series": put(b"candles/source=upbit/timeframe=1min/series=\xff/2024-01.parquet"),
    "a width": put(b"candles/source=upbit/timeframe=\xff/x"),
    "a log": put(b"revisions/source=upbit/timeframe=1min/\xff.ndjson"),
    "a set": put(b"snapshots/\xff/x"),
    "a file of a set": put(b"snapshots/kept/candles/\xff"),
    "a market list": put(b"markets/source=upbit/2024-01-01.parquet", b"PAR1\0\0PAR1"),
    "a manifest of bytes": put(b"snapshots/kept/manifest.json", b"\xff\xfe"),
    "a deep manifest": put(b"snapshots/kept/manifest.json", b"[" * 100_000),
    "a mark of bytes": put(b"lake.json", b"\xff\xfe"),
    "a deep mark": put(b"lake.json", b"[" * 100_000),
    "lines of nonsense": put(LOG, b"\xff\n" + b"[" * 100_000 + b'\n{"time":1e400}\n[]\n'),
    "symbols": with_words,
    "a column": with_names,
    "an index without counts": told("UPDATE chunks SET rows = NULL, first = NULL"),
    "an index of words": told("UPDATE chunks SET rows = 'x', nothing_before = 'y'"),
    "an index of bytes": told("UPDATE chunks SET covered = x'ff00ff'"),
    "an index without end": told("UPDATE chunks SET covered = '[[0,1e400]]', crc = NULL"),
    "an index of far times": told("UPDATE chunks SET nothing_before = 9000000000000000000"),
    "an index of hashes of bytes": told("UPDATE chunks SET sha256 = x'ff', crc = NULL"),
    "kept ends of nothing": told("UPDATE ends SET content = NULL"),
    "kept ends of bytes": told("UPDATE ends SET made_of = x'ff'"),
    "a stamp of words": told("UPDATE folders SET inode = 'x'"),
}


@pytest.mark.parametrize("odd", ODD)
def test_what_nobody_of_ours_would_write_is_an_error_of_ours_or_none(root, odd):
    ODD[odd](root)
    lake = Lake(root)
    asked = {**damage.operations(lake, "KRW-BTC"), "repr": lambda: repr(lake)}
    asked |= {"audit": lake.audit, "verify": lambda: lake.verify("kept"), "repair": lake.repair}
    for ask in asked.values():
        with suppress(MarketkitError, Incomplete):
            ask()


def test_an_index_that_rotted_is_made_anew_and_its_claims_are_not_believed(root):
    covered = Lake(root).covered("KRW-BTC", "1m")
    for change in (
        "covered = replace(covered, '0', '1')",
        "nothing_before = nothing_before + 1",
        "sha256 = replace(sha256, 'a', 'b')",
    ):
        told(f"UPDATE chunks SET {change}")(root)  # noqa: S608
        assert Lake(root).covered("KRW-BTC", "1m") == covered
        assert append(root).rows in {0, 2}
        covered = Lake(root).covered("KRW-BTC", "1m")
    assert Lake(root).audit().is_empty()


def test_kept_ends_that_rotted_are_read_from_their_files(root):
    true = Lake(root).latest("KRW-BTC", "1m", 5)
    told("UPDATE ends SET content = zeroblob(length(content))")(root)
    assert Lake(root).latest("KRW-BTC", "1m", 5).equals(true)
