"""The words of a call: options, the choice of a source, hits put together, frames handed out."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from marketkit.api.query import (
    CallOptions,
    Hit,
    Note,
    Query,
    QuerySpec,
    Result,
    apart,
    choose_source,
    chosen,
    collect,
    raise_or_skip,
    validate_options,
)
from marketkit.cache.memory import Batch, entries
from marketkit.errors import InputError, PartialResult, ServerFailed
from marketkit.frames import Defaults
from marketkit.schema import TIME

ROWS = pl.DataFrame({"symbol": ["KRW-BTC"], "price": [1.0]})


async def nothing(*_):
    return {}


SPEC = QuerySpec(
    "ticker", "prices", {"symbol": pl.String(), "price": pl.Float64()}, ["symbol"], nothing
)


def query(options):
    return Query("ticker", "KRW-BTC", options, nothing)


@pytest.mark.parametrize(
    ("memory", "feed", "store", "lake", "source"),
    [
        (None, None, False, False, "rest"),
        (None, None, False, True, "lake"),
        (None, None, True, False, "store"),
        (None, None, True, True, "store"),
        (None, 50, False, False, "feed"),
        (None, 50, True, True, "feed"),
        (50, None, False, False, "memory"),
        (50, None, True, True, "memory"),
        (50, 50, False, False, "memory"),
        (49, 50, False, False, "memory"),
        (51, 50, False, False, "feed"),
        (0, None, False, False, "memory"),
        (None, 0, False, False, "feed"),
        (0, 0, True, True, "memory"),
    ],
)
def test_the_cheapest_source_that_may_answer_does(memory, feed, store, lake, source):
    assert choose_source(memory=memory, feed=feed, store=store, lake=lake) == source
    made = choose_source(memory=memory, feed=feed, store=store, lake=lake, derived=True)
    assert made == ("derived" if source == "lake" else source)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frame": "panda"}, "frame='panda'; did you mean 'pandas'"),
        ({"frame": ["polars"]}, "frame="),
        ({"precision": "double"}, "precision='double'"),
        ({"priority": "urgent"}, "priority='urgent'"),
        ({"on_error": "ignore"}, "on_error='ignore'"),
        ({"tz": "Asia/Soul"}, "Asia/Soul"),
        ({"tz": None}, "tz=None"),
    ],
)
def test_options_that_no_call_understands_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        validate_options(CallOptions(**options))
    with pytest.raises(InputError, match=message):
        query(CallOptions(**options))


def test_options_that_are_understood_are_given_back():
    options = CallOptions("pandas", "Asia/Seoul", "decimal", "low", "skip")
    assert validate_options(options) is options
    assert options.exact
    assert not CallOptions().exact


def test_a_call_that_says_nothing_goes_by_the_providers_defaults():
    defaults = Defaults("pandas", "Asia/Seoul")
    assert chosen(defaults, None, None)[:2] == ("pandas", "Asia/Seoul")
    assert chosen(defaults, "arrow", "UTC", precision="decimal")[:3] == ("arrow", "UTC", "decimal")


def test_failures_are_raised_alone_or_with_the_rows_there_are():
    one, other = ServerFailed("down"), ServerFailed("away")
    assert raise_or_skip(ROWS, {}, "raise") is ROWS
    with pytest.raises(ServerFailed, match="down"):
        raise_or_skip(ROWS.clear(), {"KRW-ETH": one, "KRW-XRP": one}, "raise")
    for rows, failures in ((ROWS, {"KRW-ETH": one}), (ROWS.clear(), {"A": one, "B": other})):
        with pytest.raises(PartialResult) as partial:
            raise_or_skip(rows, failures, "raise")
        assert partial.value.frame is rows
        assert partial.value.failures == failures
    with pytest.warns(UserWarning, match="KRW-ETH skipped: down"):
        assert raise_or_skip(ROWS, {"KRW-ETH": one}, "skip") is ROWS


def held(symbols, made, **more):
    rows = pl.DataFrame({"symbol": symbols, "price": 1.0})
    batch = Batch(rows, made, "prices", tuple(symbols), **more)
    return dict(zip(symbols, entries(batch, dict.fromkeys(symbols, 0)), strict=True))


def test_hits_of_several_answers_become_one_sorted_frame():
    old, new = held(["KRW-BTC", "KRW-XRP"], 10), held(["KRW-ETH"], 20)
    hits = {name: Hit("memory", each) for name, each in old.items()}
    hits |= {name: Hit("rest", each) for name, each in new.items()}
    failures = {"KRW-SOL": ServerFailed("down")}
    result = collect(hits, failures, SPEC)
    assert result.frame["symbol"].to_list() == ["KRW-BTC", "KRW-ETH", "KRW-XRP"]
    assert result.sources == {("memory", 10): ["KRW-BTC", "KRW-XRP"], ("rest", 20): ["KRW-ETH"]}
    assert result.failures is failures
    assert result.derived == {}


def test_hits_and_failures_are_parted_and_remarks_stay_with_their_symbols():
    kept, down = held(["KRW-BTC", "KRW-ETH"], 10), ServerFailed("down")
    noted = Hit("lake", kept["KRW-BTC"], Note("it has ended"))
    hits, failures = apart({"KRW-BTC": noted, "KRW-ETH": Hit("lake", kept["KRW-ETH"]), "X": down})
    assert (list(hits), failures) == (["KRW-BTC", "KRW-ETH"], {"X": down})
    assert collect(hits, failures, SPEC).notes == {"KRW-BTC": Note("it has ended")}


def test_what_candles_were_made_of_stays_with_the_symbols_that_are_wanted():
    kept = held(["KRW-BTC", "KRW-ETH", "KRW-XRP"], 10, derived={"KRW-BTC": "1m", "KRW-ETH": "1h"})
    hits = {name: Hit("memory", kept[name]) for name in ("KRW-BTC", "KRW-XRP")}
    assert collect(hits, {}, SPEC).derived == {"KRW-BTC": "1m"}


@pytest.mark.parametrize("exact", [False, True])
def test_no_hits_are_a_frame_of_the_same_columns(exact):
    result = collect({}, {}, replace(SPEC, exact=exact))
    assert result.sources == {}
    price = pl.Decimal(38, 8) if exact else pl.Float64
    assert dict(result.frame.schema) == {"symbol": pl.String, "price": price}


def test_a_query_gives_the_shape_its_caller_wants():
    rows = ROWS.with_columns(time=pl.lit(0).cast(TIME))
    assert query(CallOptions()).shape(rows, Result(rows, {}, {})) is rows
    seoul = query(CallOptions(tz="Asia/Seoul")).shape(rows, Result(rows, {}, {}))
    assert seoul.schema["time"] == pl.Datetime("ms", "Asia/Seoul")
    shown = query(CallOptions("pandas")).shape(rows, Result(rows, {}, {}))
    assert shown.index.name == "time"


def test_a_query_recalls_nothing_unless_it_can():
    assert query(CallOptions()).recall() is None


def test_finishing_raises_what_failed_or_skips_it():
    result = Result(ROWS, {}, {"KRW-ETH": ServerFailed("down")})
    with pytest.raises(PartialResult):
        query(CallOptions()).finish(result)
    with pytest.warns(UserWarning, match="KRW-ETH"):
        assert query(CallOptions(on_error="skip")).finish(result) is ROWS
