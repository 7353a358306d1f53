"""The bytes of a chunk: columns of candles in Parquet, each spelt to be small and quick to read.

pyarrow writes because its encodings (dictionaries for prices, byte streams for volumes, deltas for
times) make files a sixth smaller and faster to read than polars' own.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any, ParamSpec

import polars as pl

from marketkit.schema import ROW

P = ParamSpec("P")

_PRICES = ("open", "high", "low", "close")
# Rows: most chunks have one group, which takes a bit less room and a twelfth less time than three.
_ROW_GROUP = 131_072
_PAGE = 64 << 10  # bytes of values; whoever wants a part of a chunk skips whole pages
_FEW = 1_024  # rows of a file that is small in any case
# Packed, `value` would be a tenth smaller, and reads of files would take a quarter longer.
_PACKED = [name for name in ROW if name != "value"]
_CODECS = {**dict.fromkeys(_PACKED, "zstd"), "value": "none"}
# Above the usual 3: a tenth of a byte less a row, for a tenth more of the time to write.
_LEVELS = {name: 5 if name in _PRICES else 6 for name in _PACKED}
# From LZ4 a column of many prices is read in two thirds of the time. Two columns, for with all four
# a month of Bitcoin would be a tenth larger. Higher levels save next to nothing.
_QUICK, _QUICK_LEVEL = ("high", "low"), 4
# Different closes of all: of months of Bitcoin, which has more than one in five, half of a read is
# prices; with more than one in two dictionaries take more room than they save.
_MANY, _MOST = 0.2, 0.5
_WRITER: dict[str, Any] = {
    "data_page_size": _PAGE,
    "write_statistics": ["time"],
    "store_schema": False,
    "write_page_checksum": True,
}
_SPELT = {
    "time": "DELTA_BINARY_PACKED",
    "volume": "BYTE_STREAM_SPLIT",
    "value": "PLAIN",
}


def given_back(encode: Callable[P, bytes]) -> Callable[P, bytes]:
    """Have the system get back what the writing library took for a file: it would keep all of it.

    That was a hundred megabytes after some months of minutes from several threads.
    """

    @functools.wraps(encode)
    def encoded(*args: P.args, **kwargs: P.kwargs) -> bytes:
        import pyarrow as pa  # noqa: PLC0415 - slow to import, and only for who writes

        try:
            return encode(*args, **kwargs)
        finally:
            pa.default_memory_pool().release_unused()

    return encoded


@given_back
def encode(frame: pl.DataFrame, footer: dict[bytes, bytes]) -> bytes:
    """Give the bytes of a chunk; made in memory, so that hashing reads no file."""
    import pyarrow as pa  # noqa: PLC0415 - slow to import, and only for who writes
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    kinds = {"symbol": pa.string(), "time": pa.timestamp("ms", tz="UTC")}
    schema = pa.schema([(name, kinds.get(name, pa.float64())) for name in ROW])
    table = frame.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(schema)
    output = pa.BufferOutputStream()
    with pq.ParquetWriter(output, schema, **_WRITER, **_spelling(frame)) as writer:
        writer.write_table(table, row_group_size=_ROW_GROUP)
        writer.add_key_value_metadata(footer)
    content: bytes = output.getvalue().to_pybytes()
    return content


def load_writer() -> None:
    """Load the writing library before there is anything to write."""
    importlib.import_module("pyarrow.parquet")


def _spelling(frame: pl.DataFrame) -> dict[str, Any]:
    """Choose how columns are spelt and packed: prices in dictionaries, unless most are different.

    From dictionaries a month is read in half to seven tenths of the time. Of few prices the file is
    half as large, too. Where two prices in five are different it is a twentieth larger and takes
    almost twice as long to write, with three in five an eighth larger. All rows are counted: of the
    first third of a month many more are different than of the whole.
    """
    closes = frame["close"]
    different = closes.n_unique() / closes.len() if closes.len() >= _FEW else 0.0
    if different > _MOST:
        streams = {**_SPELT, **dict.fromkeys(_PRICES, "BYTE_STREAM_SPLIT")}
        spelt: dict[str, Any] = {"use_dictionary": ["symbol"], "column_encoding": streams}
    else:
        spelt = {"use_dictionary": ["symbol", *_PRICES], "column_encoding": _SPELT}
    quick = _QUICK if _MANY <= different <= _MOST else ()
    return {
        **spelt,
        "compression": {**_CODECS, **dict.fromkeys(quick, "lz4")},
        "compression_level": {**_LEVELS, **dict.fromkeys(quick, _QUICK_LEVEL)},
    }
