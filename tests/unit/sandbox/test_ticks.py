"""Price steps."""

from __future__ import annotations

import pytest

from marketkit.sandbox.ticks import tick_size


@pytest.mark.parametrize(
    ("quote", "price", "step"),
    [
        ("KRW", 103_460_000.0, 1000.0),
        ("KRW", 1_000_000.0, 1000.0),
        ("KRW", 999_500.0, 500.0),
        ("KRW", 100_000.0, 100.0),
        ("KRW", 50_000.0, 50.0),
        ("KRW", 10_000.0, 10.0),
        ("KRW", 5_000.0, 5.0),
        ("KRW", 4_999.0, 1.0),
        ("KRW", 100.0, 1.0),
        ("KRW", 99.9, 0.1),
        ("KRW", 1.0, 0.01),
        ("KRW", 0.1, 0.001),
        ("KRW", 0.0165, 0.0001),
        ("KRW", 0.00001, 0.0000001),
        ("KRW", 0.000001, 0.00000001),
        ("BTC", 0.05, 0.00000001),
        ("USDT", 12.0, 0.01),
        ("USDT", 1.5, 0.001),
        ("USDT", 0.15, 0.0001),
        ("USDT", 0.00001, 0.00000001),
    ],
)
def test_steps_are_those_of_the_published_tables(quote, price, step):
    assert tick_size(quote, price).price(1) == step
