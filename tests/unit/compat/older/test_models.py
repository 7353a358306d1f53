"""Priorities, sources and figures in the older words."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from marketkit.compat.older.models import (
    BatchRequestResult,
    CandleWithStatus,
    CollectionStatus,
    DataSourceType,
    Priority,
    StreamType,
    normal,
    priority_of,
    source_of,
)
from marketkit.errors import InputError


def test_priorities_have_their_numbers_their_latencies_and_the_words_of_today():
    assert [(each.value, each.urgency) for each in Priority] == [
        (1, "critical"),
        (2, "high"),
        (3, "normal"),
        (4, "low"),
    ]
    assert [each.max_response_time_ms for each in Priority] == [50, 100, 500, 5_000]


@pytest.mark.parametrize("given", [Priority.LOW, "low", "LOW", 4])
def test_a_priority_is_read_from_its_name_and_its_number(given):
    assert priority_of(given) is Priority.LOW


@pytest.mark.parametrize("given", ["urgent", 0, 5])
def test_a_priority_that_is_none_is_refused(given):
    with pytest.raises(InputError, match=r"give one of Priority\.CRITICAL"):
        priority_of(given)


@pytest.mark.parametrize(
    ("sources", "kind"),
    [
        (["memory", "store"], DataSourceType.CACHE),
        (["feed"], DataSourceType.WEBSOCKET),
        (["lake", "derived"], DataSourceType.DATABASE),
        (["rest"], DataSourceType.REST_API),
        (["rest", "memory"], DataSourceType.HYBRID),
    ],
)
def test_a_source_is_named_in_the_older_words(sources, kind):
    assert source_of(sources) is kind


def test_a_kind_of_data_without_an_older_word_is_unknown():
    assert StreamType("candle_5m") is StreamType.CANDLE_5M
    assert StreamType("candle_30m") is StreamType("market") is StreamType.UNKNOWN


def test_a_candle_has_keys_and_attributes():
    candle = CandleWithStatus(trade_price=Decimal("1.5"), collection_status="EMPTY", is_empty=True)
    assert candle["collection_status"] == "EMPTY"
    assert candle.collection_status is CollectionStatus.EMPTY
    assert candle.trade_price == candle["trade_price"]
    with pytest.raises(AttributeError, match="nothing"):
        _ = candle.nothing


@pytest.mark.parametrize("text", ["178345000.00000000", "0.50000000", "0E-8", "12.00000001"])
def test_decimals_keep_every_digit_and_lose_the_zeros_at_the_end(text):
    number = Decimal(text)
    assert normal(number) == number
    assert not str(normal(number)).endswith(".00000000")
    assert "E" not in str(normal(number))


def test_the_result_of_a_batch_prints_in_a_line_and_can_be_awaited():
    result = BatchRequestResult(["KRW-BTC"], ["KRW-NO"], 1.0, 1000.0, 0.0, {"KRW-BTC": {}})
    assert repr(result) == "BatchRequestResult(1 of 2 symbols in 1.0 ms, 1,000/s)"

    async def wait():
        return await result

    assert asyncio.run(wait()) is result
