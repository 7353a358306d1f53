"""Lakes of objects to freeze: in a store in this process, and in a folder."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.format.chunk import Entry, Stamp, describe, footer_of, spell_chunk
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.places.bucket import Bucket
from marketkit.data.lake.places.disk import Disk
from marketkit.data.lake.snapshots.copies import Chunk, hashed, object_of
from marketkit.data.lake.snapshots.sets import Sets
from marketkit.timeframe import TIMEFRAMES
from tests.unit.data.lake.conftest import make_candles

JANUARY = 1_704_067_200_000
MINUTE = 60_000


class Objects:
    """Chunks of KRW markets in January, as objects, and the sets of them."""

    def __init__(self, place: Any, url: str) -> None:
        self.place = place
        self.sets = Sets(place, url)

    def write(self, market: str, close: float) -> str:
        """Put two candles in the place of what a market has."""
        series = Series("upbit", f"KRW-{market}", TIMEFRAMES["1m"])
        rows = make_candles([JANUARY, JANUARY + MINUTE], series.symbol, close)
        footer = describe(rows, Spans([(JANUARY, JANUARY + 5 * MINUTE)]), None)
        key = series.path("2024-01")
        there = dict(self.place.list(key)).get(key)
        self.place.put(key, spell_chunk(rows, footer, series).content, there)
        return key

    def chunks(self, markets: Iterable[str]) -> list[Chunk]:
        """Look at the chunks, and learn their hashes."""
        found = []
        for market in markets:
            series = Series("upbit", f"KRW-{market}", TIMEFRAMES["1m"])
            content, version = self.place.read(series.path("2024-01"))
            footer = footer_of(BytesIO(content), Path("2024-01.parquet"), series)
            entry = Entry("2024-01", Stamp(version.size, 0, 0), footer)
            found.append(hashed(self.place, Chunk(series, entry, version)))
        return found

    def freeze(self, name: str, markets: Iterable[str] = "AB", created: int = JANUARY) -> Any:
        """Freeze what the markets have now."""
        return self.sets.freeze(name, self.chunks(markets), created, {})

    def rows(self, name: str) -> pl.DataFrame:
        """Read a set as the table of its version has it, by the files that the manifest names."""
        manifest, frames = self.sets.manifest(name), []
        for kept in manifest.files:
            content, _ = self.place.read(object_of(kept, manifest.eras.get(kept.path, 0)))
            frames.append(pl.read_parquet(content))
        return pl.concat(frames)

    def copies(self, prefix: str = "tables/candles/source") -> set[str]:
        """Name the objects of the table."""
        return {key for key, _ in self.place.list(prefix)}


@pytest.fixture
def memory() -> Objects:
    """Two markets in a store in this process."""
    store = pytest.importorskip("obstore.store")
    return filled(Objects(Bucket("memory://a/lake", store.MemoryStore()), "s3://a/lake"))


@pytest.fixture
def folder(tmp_path: Path) -> Objects:
    """Two markets in a folder, which is also the address."""
    return filled(Objects(Disk(tmp_path / "objects"), str(tmp_path / "objects")))


def filled(objects: Objects) -> Objects:
    """Give two markets candles."""
    for number, market in enumerate("AB"):
        objects.write(market, 100.25 + number)
    return objects
