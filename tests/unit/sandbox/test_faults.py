"""Faults on demand."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketkit.errors import InputError
from marketkit.sandbox.faults import KINDS, Faults
from marketkit.sandbox.faulty.strikes import Strike
from marketkit.sandbox.stream.faults import STREAM_KINDS, StreamFaults

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("page", ["README.md", ".github/README.ko.md"])
def test_the_pages_for_users_name_every_kind(page):
    text = (ROOT / page).read_text("utf-8")
    assert [kind for kind in (*KINDS, *STREAM_KINDS) if f"`{kind}`" not in text] == []


def test_the_docstrings_name_every_kind():
    assert [kind for kind in KINDS if f"`{kind}`" not in Faults.__doc__] == []
    assert [kind for kind in STREAM_KINDS if f"`{kind}`" not in StreamFaults.__doc__] == []


def kinds(faults, path="candles", *query):
    """Return what strikes one request."""
    return "+".join(fault.kind for fault in faults.strike(faults.draw(path, query)))


def test_the_same_seed_draws_the_same_faults():
    table = {"429": 0.2, "reset": 0.1}
    one, two = Faults(table, seed=5), Faults(table, seed=5)
    drawn = [kinds(one) for _ in range(500)]
    assert drawn == [kinds(two) for _ in range(500)]
    assert 70 < drawn.count("429") < 130
    assert 25 < drawn.count("reset") < 75


def test_an_empty_table_draws_nothing():
    assert Faults({}).draw("candles") == []


@pytest.mark.parametrize(
    "table", [{"503": 0.1}, {"500": 1.5}, {"500": -0.1}, {"500": 0.6, "429": 0.6}]
)
def test_a_table_that_makes_no_sense_is_refused(table):
    with pytest.raises(InputError):
        Faults(table)


def test_orders_strike_together_by_count_and_only_the_requests_they_are_for():
    faults = Faults({"500": 1.0})
    faults.strikes.add(Strike("date", None))
    faults.strikes.add(Strike("empty-page", 2, path="candles", symbol="KRW-BTC", after=1))
    faults.replace({})
    assert kinds(faults, "candles", "KRW-BTC") == "date"
    assert kinds(faults, "candles", "KRW-ETH") == "date"
    assert kinds(faults, "ticker", "KRW-BTC") == "date"
    assert [kinds(faults, "candles", "KRW-BTC") for _ in range(3)] == [
        "date+empty-page", "date+empty-page", "date",
    ]  # fmt: skip
    assert (faults.stats()["date"], faults.stats()["empty-page"]) == (6, 2)
    faults.strikes.forget()
    assert kinds(faults) == ""


def test_what_is_drawn_and_does_not_take_effect_is_neither_counted_nor_used():
    faults = Faults({})
    faults.strikes.add(Strike("500"))
    faults.draw("ticker")
    assert faults.stats()["500"] == 0
    assert kinds(faults) == "500"


def test_a_kind_of_one_path_strikes_no_other():
    faults = Faults({"duplicate": 1.0})
    faults.strikes.add(Strike("hostile-names"))
    assert kinds(faults, "ticker") == ""
    assert kinds(faults, "candles") == "duplicate"
    assert kinds(faults, "market") == "hostile-names"
