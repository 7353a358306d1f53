"""The file of a market list proves its bytes and its place."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.data.lake.format import market_list
from marketkit.schema import MARKET, empty

LIST = pl.concat(
    [empty(MARKET), pl.DataFrame({"symbol": ["KRW-BTC", "KRW-ETH"], "quote": ["KRW", "KRW"]})],
    how="diagonal",
).cast(pl.Schema(MARKET))


@pytest.fixture
def path(tmp_path):
    """The file of a list."""
    path = tmp_path / "source=upbit" / "2026-01-01.parquet"
    path.parent.mkdir()
    path.write_bytes(market_list.encode(LIST, path))
    return path


def test_a_list_is_read_as_it_was_written_and_by_any_reader(path):
    assert market_list.read(path).equals(LIST)
    assert pl.read_parquet(path, hive_partitioning=False).equals(LIST)


def test_no_flipped_bit_is_read(path):
    content = path.read_bytes()
    for at in range(0, len(content), 5):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises(ValueError, match=r".+"):
            market_list.read(path)


@pytest.mark.parametrize("place", ["source=upbit/2026-01-02", "source=upbit_sg/2026-01-01"])
def test_the_list_of_another_day_or_source_is_none(path, place):
    other = path.parents[1] / f"{place}.parquet"
    other.parent.mkdir(exist_ok=True)
    other.write_bytes(path.read_bytes())
    with pytest.raises(ValueError, match=r"is source=upbit/2026-01-01\.parquet and not"):
        market_list.read(other)


def test_a_list_of_an_earlier_release_is_read(path):
    LIST.select("symbol", "quote").write_parquet(path)
    assert market_list.read(path).equals(LIST)


@pytest.mark.parametrize(
    "table",
    [
        pl.DataFrame({"symbol": ["KRW-BTC"], "close": [1.0]}),
        pl.DataFrame({"quote": ["KRW"]}),
        pl.DataFrame({"symbol": [None]}, schema={"symbol": pl.String}),
    ],
    ids=lambda table: " ".join(table.columns),
)
def test_a_table_of_another_kind_is_none(path, table):
    table.write_parquet(path)
    with pytest.raises(ValueError, match=r"columns|without a symbol"):
        market_list.read(path)
