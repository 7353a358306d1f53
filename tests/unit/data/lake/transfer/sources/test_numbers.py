"""Cells that are numbers, cells that say there is none, and cells that are something else."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest

from marketkit.data.lake.transfer.sources.numbers import read_numbers
from marketkit.errors import InputError


def read(column):
    return read_numbers(column, "open")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("139394000.00000000", 139394000.0), ("4E-8", 4e-8), ("0E-8", 0.0), (" 1.5 ", 1.5)),
        *(("", None), ("NaN", None), ("nan", None), ("null", None), ("N/A", None), ("-", None)),
    ],
)
def test_text_is_the_number_it_spells_or_none(text, number):
    assert read(pl.Series("open", [text, "1"])).to_list() == [number, 1.0]


@pytest.mark.parametrize("text", ["1,5", "1.234,5", "139,394,000", "1,234.5"])
def test_a_comma_is_refused_with_the_row_and_a_hint(text):
    with pytest.raises(InputError, match=r"row 2, column 'open'.*write decimals with a point"):
        read(pl.Series("open", ["1.5", text]))


@pytest.mark.parametrize("text", ["one", "true", "0x10", "1_000", "2024-01-01"])
def test_what_is_no_number_is_named_with_the_row(text):
    with pytest.raises(InputError, match=f"row 2, column 'open': '{text}' is no number"):
        read(pl.Series("open", ["1.5", text]))


@pytest.mark.parametrize("price", [139_394_000, 178_345_000, 16_777_217_000, 0.1, 555.9, 1.5e-7])
def test_numbers_of_32_bits_are_what_was_meant(price):
    column = pl.Series("open", [price], pl.Float64).cast(pl.Float32)
    assert read(column).to_list() == [price]


@pytest.mark.parametrize(
    "column",
    [
        pl.Series("open", [1, None]),
        pl.Series("open", [1.0, float("nan")]),
        pl.Series("open", [Decimal("1.0"), None]),
        pl.Series("open", [1.0, float("nan")], pl.Float32),
    ],
)
def test_nan_is_nothing_in_every_type(column):
    assert read(column).to_list() == [1.0, None]
    assert read(column).dtype == pl.Float64


def test_a_column_without_a_type_says_nothing():
    assert read(pl.Series("value", [None, None])).to_list() == [None, None]


@pytest.mark.parametrize("cells", [[True], ["a"], [b"1"]])
def test_booleans_and_other_types_are_no_numbers(cells):
    with pytest.raises(InputError, match=r"no number.*columns=\{'open': ...\} names another"):
        read(pl.Series("volume", cells))
