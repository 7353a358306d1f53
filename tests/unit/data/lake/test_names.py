"""Names of markets: Korean ones are symbols."""

from __future__ import annotations

import unicodedata

import polars as pl
import pytest

from marketkit.data.lake.names import MarketNames, in_codes
from marketkit.errors import UnknownSymbol

ROWS = [
    ("BTC-ETH", "이더리움", "Ethereum"),
    ("KRW-BTC", "비트코인", "Bitcoin"),
    ("KRW-BCH", "비트코인캐시", "Bitcoin Cash"),
    ("KRW-ETH", "이더리움", "Ethereum"),
    ("USDT-BTC", "비트코인", "Bitcoin"),
    ("BTC-ONLY", "온리", "Only"),
    ("BTC-TWO", "투", "Two"),
    ("USDT-TWO", "투", "Two"),
    ("SGD-X", None, None),
]
MARKETS = pl.DataFrame(ROWS, ["symbol", "korean_name", "english_name"], orient="row")
NAMES = MarketNames(MARKETS)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("비트코인", "KRW-BTC"),
        ("이더리움", "KRW-ETH"),
        ("비트코인 캐시", "KRW-BCH"),
        (" 비트코인 ", "KRW-BTC"),
        (unicodedata.normalize("NFD", "비트코인"), "KRW-BTC"),
        ("온리", "BTC-ONLY"),
        ("KRW-BTC", "KRW-BTC"),
        ("KRW-*", "KRW-*"),
        ("모름", "모름"),
    ],
)
def test_a_korean_name_is_the_market_in_won_or_the_only_one(name, code):
    assert NAMES.codes([name]) == [code]


def test_a_name_of_several_markets_without_won_names_their_codes():
    with pytest.raises(UnknownSymbol, match="give one of BTC-TWO USDT-TWO"):
        NAMES.codes(["투"])


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("bitcoin", "; did you mean 'KRW-BTC' or 'USDT-BTC'?"),
        ("Bitcoin Cash", "; did you mean 'KRW-BCH'?"),
        ("비트코잉", "; did you mean 'KRW-BTC' or 'USDT-BTC'?"),
        ("nothing", ""),
    ],
)
def test_an_english_or_a_mistyped_name_is_answered_with_codes(typed, hint):
    assert NAMES.hint(typed) == hint


def test_names_become_codes_and_codes_stay():
    assert in_codes(["비트코인", "KRW-ETH"], MARKETS) == ["KRW-BTC", "KRW-ETH"]
    assert in_codes(["KRW-BTC"], None) == ["KRW-BTC"]


def test_a_name_that_no_list_has_is_refused_and_never_an_empty_answer():
    with pytest.raises(UnknownSymbol, match="did you mean 'KRW-BTC'"):
        in_codes(["비트코잉"], MARKETS)
    with pytest.raises(UnknownSymbol, match="no market list yet, write the code"):
        in_codes(["비트코인"], None)
