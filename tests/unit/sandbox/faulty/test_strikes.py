"""Which chance a fault strikes, and orders that make no sense."""

from __future__ import annotations

import pytest

from marketkit.errors import InputError
from marketkit.sandbox.faulty.strikes import Defaults, Fault, Strike, Strikes, header

KINDS = ("drip", "date", "header", "html")


@pytest.fixture
def strikes():
    return Strikes(Defaults({"drip": "1", "date": "x"}, numbers=("drip",), lines=("date",)))


def kinds(strikes, *of):
    return [fault.kind for fault in strikes.use(strikes.met(of or KINDS))]


def test_a_strike_is_used_up_and_one_without_end_stays(strikes):
    strikes.add(Strike("html", 2))
    strikes.add(Strike("date", None))
    assert [kinds(strikes) for _ in range(3)] == [["html", "date"], ["html", "date"], ["date"]]
    assert [row["kind"] for row in strikes.rows()] == ["date"]
    strikes.forget()
    assert not strikes


def test_chances_pass_before_a_strike_only_where_it_is_met(strikes):
    strikes.add(Strike("html", after=1, symbol="KRW-BTC", path="ticker"))
    assert strikes.use(strikes.met(KINDS, "ticker", ["KRW-ETH"])) == []
    assert strikes.use(strikes.met(KINDS, "candles", ["KRW-BTC"])) == []
    assert kinds(strikes, "date") == []
    for expected in ([], [Fault("html", "")], []):
        assert strikes.use(strikes.met(KINDS, "ticker", ["KRW-BTC"])) == expected


def test_two_equal_strikes_are_two(strikes):
    strikes.add(Strike("html"))
    strikes.add(Strike("html"))
    assert kinds(strikes) == ["html", "html"]
    assert not strikes


def test_a_fault_has_the_value_of_its_order_or_of_its_kind(strikes):
    strikes.add(Strike("drip"))
    strikes.add(Strike("drip", value="0.5"))
    assert [fault.number for fault in strikes.use(strikes.met(KINDS))] == [1.0, 0.5]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (Strike("html", path="books"), "unknown path 'books'"),
        (Strike("html", 0), "0 times"),
        (Strike("html", after=-1), "after -1"),
        (Strike("drip", value="slow"), "drip: 'slow' is no number"),
        (Strike("drip", value="nan"), "drip: 'nan' is no number"),
        (Strike("drip", value="-1"), "drip: '-1' is no number"),
        (Strike("date", value="a\r\nb"), "cannot be sent"),
        (Strike("date", value="가"), "cannot be sent"),
        (Strike("header", value="nothing"), "cannot be sent"),
        (Strike("header", value="Content-Length: 5"), "cannot be sent"),
    ],
)
def test_a_strike_that_makes_no_sense_is_refused(strikes, wrong, message):
    with pytest.raises(InputError, match=message):
        strikes.add(wrong)
    assert not strikes


def test_a_header_is_a_name_and_a_text_of_any_characters_but_line_ends():
    assert header("X-Title: \x1b[31mred") == ("X-Title", "\x1b[31mred")
