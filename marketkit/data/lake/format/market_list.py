"""The market list of a day on disk: a Parquet file with proof of bytes and place.

The seal is that of chunks (`seal.py`); beside it the footer says which list the file is,
`source=upbit/2026-11-20.parquet`, so that none takes another's place. Lists of earlier releases
have neither.
"""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import polars as pl

from marketkit.data.lake.format import seal
from marketkit.data.lake.format.chunk import KEY
from marketkit.data.lake.format.nonsense import NONSENSE, UNREADABLE
from marketkit.data.lake.format.verify import verify
from marketkit.schema import MARKET

_PLACE = "markets"
_KEY = KEY.decode()


def encode(markets: pl.DataFrame, path: Path) -> bytes:
    """Give the bytes of the file of a list that is to lie at `path`."""
    said = json.dumps({_PLACE: _place(path), **seal.UNSEALED})
    content = BytesIO()
    markets.write_parquet(content, compression="zstd", metadata={_KEY: said})
    return seal.seal(content.getvalue()).content


def read(path: Path) -> pl.DataFrame:
    """Read a list: `schema.MARKET`, with nulls where the writer knew less.

    Raises `ValueError` for a file that is none, or not the one of this place, and `OSError`.
    """
    content = path.read_bytes()
    try:
        verify(content)
        found = pl.read_parquet(content, hive_partitioning=False)
        said = pl.read_parquet_metadata(BytesIO(content)).get(_KEY)
        _refuse_other(found, said, _place(path))
        missing = [pl.lit(None, MARKET[name]).alias(name) for name in MARKET.keys() - found.columns]
        return found.with_columns(missing).select(list(MARKET)).cast(pl.Schema(MARKET))
    except (*NONSENSE, *UNREADABLE) as error:
        raise ValueError(" ".join(str(error).split())) from error


def _refuse_other(found: pl.DataFrame, said: str | None, place: str) -> None:
    """Raise `ValueError` for another kind of table, or for the list of another place."""
    told = place if said is None else json.loads(said).get(_PLACE)
    if told != place:
        raise ValueError(f"it is {told or 'no list of markets'} and not {place}")
    if said is None and not {"symbol"} <= set(found.columns) <= MARKET.keys():
        raise ValueError(f"its columns are {found.columns}")
    if found["symbol"].null_count():
        raise ValueError("it has markets without a symbol")


def _place(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
