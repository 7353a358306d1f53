"""Query strings as the exchange reads them."""

from __future__ import annotations

import pytest

from marketkit.sandbox.control import moment
from marketkit.sandbox.query import Query, WireError, values

MIDNIGHT = moment("2026-09-01T00:00:00")


@pytest.mark.parametrize(
    "text",
    [
        "2026-09-01T00:00:00Z",
        "2026-09-01T00:00:00",
        "2026-09-01+00:00:00",
        "2026-09-01+00%3A00%3A00",
        "2026-09-01%2000:00:00",
        "2026-09-01T00:00:00.000Z",
        "2026-09-01T00:00:00.999",
        "2026-09-01T09:00:00%2B09:00",
        "2026-09-01T09:00:00%2B0900",
        "2026-08-31T19:00:00-05:00",
    ],
)
def test_every_spelling_of_to_in_use_names_its_moment(text):
    assert Query(f"to={text}").to() == MIDNIGHT


@pytest.mark.parametrize(
    "text",
    [
        "2026-09-01T09:00:00+09:00",  # an unencoded plus is a space
        "2026-09-01",
        "20260901T000000",
        "2026-13-01T00:00:00",
        "2026-09-01T25:00:00",
        "1788220800000",
        "yesterday",
    ],
)
def test_any_other_to_is_an_invalid_parameter(text):
    with pytest.raises(WireError, match="Invalid parameter"):
        Query(f"to={text}").to()


def test_lists_come_as_commas_as_escaped_commas_and_as_repeated_keys():
    query = Query("markets=KRW-BTC,krw-eth&markets=BTC-ETH%2CKRW-BTC")
    assert query.codes("markets") == ["KRW-BTC", "KRW-ETH", "BTC-ETH"]


def test_a_required_parameter_that_is_missing_or_empty_is_said_to_be_missing():
    for text in ("", "markets="):
        with pytest.raises(WireError, match="Missing request parameter error"):
            Query(text).codes("markets")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("count=", 1),
        ("count=7", 7),
        ("count=200", 200),
        ("count=201", 200),
        ("count=100000", 200),
    ],
)
def test_a_count_above_the_most_is_cut_silently(text, count):
    assert Query(text).count(1, 200) == count


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("count=abc", "Type mismatch"),
        ("count=1.5", "Type mismatch"),
        ("count=0", "Invalid parameter"),
        ("count=-1", "Invalid parameter"),
    ],
)
def test_a_count_that_is_none_is_refused(text, message):
    with pytest.raises(WireError, match=message):
        Query(text).count(1, 200)


def test_flags_have_an_old_and_a_new_name():
    assert Query("isDetails=true").flag("is_details", "isDetails")
    assert not Query("is_details=false").flag("is_details", "isDetails")
    with pytest.raises(WireError, match="Type mismatch"):
        Query("is_details=1").flag("is_details", "isDetails")


@pytest.mark.parametrize(
    ("text", "ms"), [("to=093000", 34_200_000), ("to=09%3A30%3A00", 34_200_000), ("", None)]
)
def test_trades_take_a_time_of_day(text, ms):
    assert Query(text).time_of_day() == ms


def test_a_time_of_day_that_is_none_is_refused():
    for text in ("to=256000", "to=9:30", "to=2026-09-01T00:00:00"):
        with pytest.raises(WireError, match="Invalid parameter"):
            Query(text).time_of_day()


def test_an_error_names_its_status_as_a_number():
    assert (
        WireError(404, "Code not found").body
        == b'{"error":{"name":404,"message":"Code not found"}}'
    )


def test_the_values_of_a_query_are_those_of_its_lists_too():
    assert values("market=KRW-BTC&markets=krw-eth,KRW-XRP&count=&x") == {
        "KRW-BTC", "KRW-ETH", "KRW-XRP",
    }  # fmt: skip
