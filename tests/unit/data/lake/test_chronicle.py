"""Lists in their order show who left and who goes on under another code; nothing is guessed."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from marketkit.data.lake.chronicle import Chronicle, chronicle_of, with_last_days, with_successors
from marketkit.errors import UnknownSymbol
from marketkit.schema import MARKET, empty
from marketkit.timeframe import parse_time

DAYS = [date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 5)]


def market(symbol, english=None, korean=None):
    quote, base = symbol.split("-")
    told = {"symbol": symbol, "quote": quote, "base": base}
    return told | {"english_name": english, "korean_name": korean}


def told(*lists):
    """Give the chronicle of lists of markets, one a day."""
    frames = [
        pl.concat(
            [empty(MARKET), pl.DataFrame(each, schema_overrides=dict(MARKET))], how="diagonal"
        )
        for each in lists
    ]
    return chronicle_of(zip(DAYS, frames, strict=False), Chronicle())


BTC = market("KRW-BTC", "Bitcoin", "비트코인")


def test_the_last_day_of_a_market_is_that_of_the_last_list_with_it():
    found = told([BTC, market("KRW-OLD")], [BTC, market("KRW-OLD")], [BTC])
    assert found.ended == {"KRW-OLD": DAYS[1]}
    assert found.gone_by("KRW-OLD") == parse_time("2026-01-06")
    assert found.gone_by("KRW-BTC") is None
    assert found.gone_by("KRW-NEVER") is None


@pytest.mark.parametrize(
    ("old", "new", "successor"),
    [
        (market("KRW-OLD", "Thing"), market("KRW-NEW", "Thing"), "KRW-NEW"),
        (market("KRW-OLD", "Thing", "것"), market("KRW-NEW", "Thing 2", "것"), "KRW-NEW"),
        (market("KRW-OLD", "Thing"), market("KRW-NEW", "Else (ex-OLD)"), "KRW-NEW"),
        (market("KRW-OLD", "Thing"), market("KRW-NEW", "Else (ex-OLDER)"), None),
        (market("KRW-OLD", "Thing"), market("BTC-NEW", "Thing"), None),
        (market("KRW-OLD", "Thing"), market("KRW-NEW", "Other"), None),
        (market("KRW-OLD"), market("KRW-NEW"), None),
        (market("KRW-OLD", ""), market("KRW-NEW", ""), None),
        (market("KRW-MATIC", "Polygon"), market("KRW-POL", "POL"), "KRW-POL"),
        (market("BTC-EOS"), market("BTC-A"), "BTC-A"),
        (market("KRW-STPT"), market("BTC-AWE"), None),
    ],
)
def test_a_market_goes_on_where_the_next_list_has_its_name_or_the_announced_code(
    old, new, successor
):
    assert told([BTC, old], [BTC, new]).successors.get(old["symbol"]) == successor


def test_a_code_that_was_there_before_or_comes_later_is_no_successor():
    old, new = market("KRW-OLD", "Thing"), market("KRW-NEW", "Thing")
    assert told([old, new], [new]).successors == {}
    assert told([BTC, old], [BTC], [BTC, new]).successors == {}
    two = market("KRW-NEW2", "Thing")
    assert told([BTC, old], [BTC, new, two]).successors == {}


def test_a_market_that_is_listed_again_has_not_ended_and_has_no_successor():
    old, new = market("KRW-OLD", "Thing"), market("KRW-NEW", "Thing")
    found = told([BTC, old], [BTC, new], [BTC, old, new])
    assert (found.ended, found.successors) == ({}, {})


def test_an_older_list_adds_nothing_and_a_younger_one_of_the_same_day_does():
    found = told([BTC, market("KRW-OLD")], [BTC])
    assert found.and_then(DAYS[0], pl.DataFrame({"symbol": ["KRW-OTHER"]})) is found
    later = pl.DataFrame([market("KRW-NEW")], schema=dict(MARKET))
    again = found.and_then(DAYS[1], later)
    assert again.days == found.days
    assert again.ended == {"KRW-OLD": DAYS[0], "KRW-BTC": DAYS[1]}


def test_successors_are_a_column_with_null_for_none():
    found = told([BTC, market("KRW-OLD", "Thing")], [BTC, market("KRW-NEW", "Thing")])
    both = with_successors(pl.DataFrame({"symbol": ["KRW-BTC", "KRW-OLD"]}), found)
    assert both["successor"].to_list() == [None, "KRW-NEW"]
    assert with_successors(empty(MARKET), found).schema["successor"] == pl.String()


def test_the_error_of_a_market_that_was_listed_says_when_and_where_it_went():
    found = told([BTC, market("KRW-OLD", "Thing")], [BTC, market("KRW-NEW", "Thing")])
    never = UnknownSymbol("KRW-BCT", ["KRW-BTC"])
    errors = with_last_days({"KRW-OLD": UnknownSymbol("KRW-OLD"), "KRW-BCT": never}, found)
    assert errors["KRW-BCT"] is never
    assert (errors["KRW-OLD"].last_listed, errors["KRW-OLD"].successor) == (DAYS[0], "KRW-NEW")
    assert str(errors["KRW-OLD"]) == (
        "unknown symbol 'KRW-OLD': not listed any more, last on 2026-01-01; it goes on as 'KRW-NEW'"
    )


def test_lists_that_only_one_process_saw_add_what_the_others_lack():
    kept = told([BTC, market("KRW-LONG")], [BTC])
    seen = told([BTC], [BTC, market("KRW-SHORT")]).and_then(DAYS[1], told([BTC]).newest)
    both = kept.beside(seen)
    assert both.ended == {"KRW-LONG": DAYS[0], "KRW-SHORT": DAYS[1]}
    assert both.newest.equals(kept.newest)
