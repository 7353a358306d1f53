"""Facts, clocks and spellings of an exchange object."""

from __future__ import annotations

import pytest

from marketkit.compat.ccxt_base import Exchange
from marketkit.compat.ccxt_errors import error_class


@pytest.mark.parametrize(
    ("width", "seconds"),
    [("1s", 1), ("15m", 900), ("4h", 14_400), ("1d", 86_400), ("1w", 604_800), ("1M", 2_592_000)],
)
def test_a_width_has_its_seconds(width, seconds):
    assert Exchange.parse_timeframe(width) == Exchange().parseTimeframe(width) == seconds


def test_a_width_that_is_none_is_not_supported():
    with pytest.raises(error_class("NotSupported"), match="timeframe week"):
        Exchange.parse_timeframe("week")


def test_moments_are_written_and_read():
    text = "2026-11-20T10:17:16.552Z"
    assert Exchange.parse8601(text) == 1_795_169_836_552
    assert Exchange.iso8601(1_795_169_836_552) == text
    assert Exchange.parse8601("yesterday") is Exchange.parse8601(None) is None


def test_what_is_not_named_cannot_be_done():
    assert Exchange.has["fetchOHLCV"]
    assert not Exchange.has["createOrder"]
    assert not Exchange.has["fetchFundingRate"]


def test_numbers_are_written_with_the_places_of_the_exchange():
    exchange = Exchange()
    assert exchange.price_to_precision("BTC/KRW", 178_345_000.0) == "178345000"
    assert exchange.amount_to_precision("BTC/KRW", 0.123456789) == "0.12345679"


def test_a_name_that_is_none_is_no_attribute():
    with pytest.raises(AttributeError, match="create_order"):
        _ = Exchange().createOrder
    assert not hasattr(Exchange(), "nothing")
