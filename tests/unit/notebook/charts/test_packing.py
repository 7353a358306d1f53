"""Packed candles are the same candles, in few bytes."""

from __future__ import annotations

import base64
import gzip
import itertools

import polars as pl
import pytest

from marketkit.notebook.charts.bins import joined
from marketkit.notebook.charts.intake import PRICES, read_candles
from marketkit.notebook.charts.packing import pack
from marketkit.timeframe import HOUR, MINUTE
from tests.unit.notebook.charts.conftest import minutes

pytest.importorskip("narwhals")


def unpacked(packed):
    """Read columns as chart.js does: planes of bytes, the sign in the last bit."""
    data, found, at = gzip.decompress(base64.b64decode(packed.data)), [], 0
    for size in packed.header["sizes"]:
        planes = [data[at + plane * size : at + (plane + 1) * size] for plane in range(4)]
        raw = [sum(byte << 8 * plane for plane, byte in enumerate(each)) for each in zip(*planes)]  # noqa: B905
        found.append([-(each + 1) // 2 if each % 2 else each // 2 for each in raw])
        at += 4 * size
    assert at == len(data)
    return found


def rows_of(packed, number=0):
    """Give the rows of one series."""
    told = packed.header["series"][number]
    times, opens, closes, highs, lows, *amounts = unpacked(packed)[told["first"] :][:9]
    last, rows = 0, []
    for at, time in enumerate(itertools.accumulate(times)):
        opened = last + opens[at]
        last = opened + closes[at]
        prices = (opened, max(opened, last) + highs[at], min(opened, last) - lows[at], last)
        volume, value = (float(f"{amounts[i][at]}e{amounts[i + 1][at]}") for i in (0, 2))
        rows.append((time * 1000, *(each / 10 ** told["places"] for each in prices), volume, value))
    return rows


@pytest.mark.parametrize("base", [100e6, 1234.5, 0.00001234])
def test_prices_are_exact_and_amounts_have_four_figures(base):
    scale = pl.col(*PRICES) / 100e6 * base
    frame = minutes(500).with_columns(scale.round_sig_figs(8))
    (found,) = read_candles(frame)
    rows = rows_of(pack([found], MINUTE))
    expected = found.rows.rows()
    assert len(rows) == len(expected)
    for row, wanted in zip(rows, expected, strict=True):
        assert row[0] == wanted[0]
        assert row[1:5] == pytest.approx(wanted[1:5], rel=1e-9, abs=5e-9)
        assert row[5:] == pytest.approx(wanted[5:], rel=6e-4)


def test_prices_of_eight_decimals_are_exact_to_the_last():
    prices = [0.00001234, 0.00001235, 0.0000123, 0.00001234]
    frame = minutes(1).with_columns(
        pl.lit(price).alias(name) for name, price in zip(PRICES, prices, strict=True)
    )
    ((_, *found, _, _),) = rows_of(pack(read_candles(frame), MINUTE))
    assert found == prices


def test_the_candles_are_those_of_the_width_that_is_packed(week):
    (found,) = read_candles(week)
    packed = pack([found], HOUR)
    assert [row[0] for row in rows_of(packed)] == joined(found, HOUR).rows["t"].to_list()
    assert packed.header["series"][0]["widths"][:3] == [HOUR, 2 * HOUR, 4 * HOUR]


def test_each_symbol_has_its_own_columns(week):
    both = pl.concat([week.head(2000), minutes(1500, symbol="KRW-XRP", base=3000e3)])
    packed = pack(read_candles(both), 10 * MINUTE)
    assert [len(rows_of(packed, number)) for number in (0, 1)] == [200, 150]
    assert rows_of(packed, 1)[0][1] == 3000e3


def test_spans_of_each_kind_follow_the_rows(week):
    holes = week.filter(~pl.col("time").dt.hour().is_in([3, 4]))
    packed = pack(read_candles(holes), HOUR)
    *_, lost, quiet, absent = unpacked(packed)
    assert lost == quiet == []
    edges = list(itertools.accumulate(absent))
    assert [b - a for a, b in itertools.pairwise(edges)][::2] == [2 * 3600] * 7


def test_equal_candles_are_equal_bytes_and_few(week):
    found = read_candles(week)
    packed = pack(found, MINUTE)
    assert packed == pack(found, MINUTE)
    assert len(packed.data) < 12 * len(week)


def test_a_price_too_large_for_its_decimals_keeps_nine_digits():
    frame = minutes(1).with_columns(pl.lit(178_345_000.123).alias(name) for name in PRICES)
    ((_, opened, *_),) = rows_of(pack(read_candles(frame), MINUTE))
    assert opened == pytest.approx(178_345_000.123, rel=1e-9)
