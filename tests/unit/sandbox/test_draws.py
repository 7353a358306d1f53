"""Numbers that look random and are always the same."""

from __future__ import annotations

import polars as pl

from marketkit.sandbox.draws import key_of, mix, mix_column, unit, unit_column

NUMBERS = [0, 1, 7, 20_776, 2**31, 2**32 - 1]


def test_a_name_has_the_same_key_in_every_process():
    assert key_of("KRW-BTC") == 1_968_412_949
    assert key_of("KRW-BTC", 1) != key_of("KRW-BTC") != key_of("KRW-ETH")


def test_mixed_bits_are_always_the_same_and_spread_evenly():
    assert mix(1, 2) == 0x3C5B_6687_4B9E_8A84
    ones = [mix(1, number).bit_count() for number in range(2_000)]
    assert 31.5 < sum(ones) / len(ones) < 32.5
    assert 0.48 < sum(unit(3, number) for number in range(2_000)) / 2_000 < 0.52


def test_columns_are_mixed_as_single_numbers_are():
    pairs = [(first, second) for first in NUMBERS for second in NUMBERS]
    first, second = (pl.Series(column, dtype=pl.UInt64) for column in zip(*pairs, strict=True))
    assert mix_column(first, second).to_list() == [mix(*pair) for pair in pairs]
    assert unit_column(first, second).to_list() == [unit(*pair) for pair in pairs]
