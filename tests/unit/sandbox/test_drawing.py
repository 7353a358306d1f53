"""The minutes of many made-up days at once."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.sandbox import minutes
from marketkit.sandbox.control import moment
from marketkit.sandbox.drawing import _rounded, draw_days
from marketkit.sandbox.minutes import day_minutes
from marketkit.sandbox.names import seeded_symbols
from marketkit.sandbox.synthetic import Synthetic, draw_ahead, seeded
from marketkit.sandbox.widths import DAY

TODAY = moment("2026-11-20") // DAY
# Busy, usual and thin ones of every quote, one whose price is below the finest step among them.
MARKETS = [Synthetic(symbol, 1, rank) for symbol, rank in seeded_symbols()[::17]]


@pytest.mark.parametrize("day", [TODAY, moment("2026-09-30") // DAY])
def test_many_days_at_once_are_drawn_as_each_is_alone_to_the_last_digit(day):
    plans = [market.plan(day) for market in MARKETS if market.listing < day * DAY]
    assert draw_days(plans) == [day_minutes(plan) for plan in plans]


def test_a_day_of_one_minute_and_the_day_of_a_listing_are_days_like_others():
    market = seeded(1)["KRW-BTC"]
    plan = market.plan(market.listing // DAY)
    lone = plan._replace(day=plan.day._replace(first=700, final=700), traded=0.001)
    assert draw_days([plan, lone, plan]) == [day_minutes(each) for each in (plan, lone, plan)]
    assert draw_days([]) == []


def test_days_drawn_ahead_are_known_and_not_drawn_again(monkeypatch):
    markets = [Synthetic("KRW-BTC", 1, 0), Synthetic("BTC-MK100", 1, 140)]
    draw_ahead(markets, (TODAY, TODAY - 1))
    assert all(market.knows(day) for market in markets for day in (TODAY, TODAY - 1))
    monkeypatch.setattr("marketkit.sandbox.synthetic.day_minutes", None)
    kept = [market._minutes(TODAY) for market in markets]
    draw_ahead(markets, (TODAY, TODAY - 1))
    assert all(market._minutes(TODAY) is one for market, one in zip(markets, kept, strict=True))


def test_columns_are_rounded_as_the_minutes_of_one_day_are():
    values = [
        *(number / 2e8 for number in range(1, 400)),  # on a tie or beside one
        *(1.1**number for number in range(-150, 260)),
        *(2.0**26 + number / 3 for number in range(-50, 50)),
        0.0,
    ]
    assert _rounded(pl.Series(values)).to_list() == minutes._rounded(values)
