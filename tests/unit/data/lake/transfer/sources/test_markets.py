"""Every spelling of a market in use means its code, and what means none is refused."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.data.lake.transfer.sources.markets import market_in, market_of, spell
from marketkit.errors import InputError

WON = [
    *("KRW-BTC", "BTC-KRW", "BTC/KRW", "KRW/BTC", "KRW_BTC", "BTC_KRW", "BTCKRW", "KRWBTC"),
    *("krw-btc", "btckrw", " KRW-BTC ", "KRW.BTC", "KRW BTC", "KRW:BTC"),
    *("CRIX.UPBIT.KRW-BTC", "UPBIT:BTCKRW", "UPBIT.KRW-BTC", "upbit:krw-btc"),
]


@pytest.mark.parametrize("text", WON)
def test_all_spellings_of_a_market_are_one(text):
    assert market_of(text) == "KRW-BTC"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *(("BTC-ETH", "BTC-ETH"), ("ETH/BTC", "BTC-ETH"), ("ETHBTC", "BTC-ETH")),
        *(("BTC/USDT", "USDT-BTC"), ("USDT_BTC", "USDT-BTC"), ("BTCUSDT", "USDT-BTC")),
        *(("BTC/SGD", "SGD-BTC"), ("KRW-BRK.B", "KRW-BRK.B"), ("USDT-币安人生", "USDT-币安人生")),
        *(("W/KRW", "KRW-W"), ("WKRW", "KRW-W"), ("NEW-COIN", "NEW-COIN")),
        *(("BTC-USDC", "BTC-USDC"), ("USDC/KRW", "KRW-USDC"), ("TUSD/BTC", "BTC-TUSD")),
    ],
)
def test_the_currency_that_is_quoted_in_comes_first(text, code):
    assert market_of(text) == code


@pytest.mark.parametrize(
    "text",
    [
        *("", "BTC", "KRW", "bitcoin", "비트코인", "WBTC", "BTCST", "KRW-KRW", "KRW-*", "../x"),
        *(
            "ETH-USD",
            "BTC/EUR",
            "BTC-USD",
            "BTC/USDC",
            "BTC_USDC",
            "BTC/USDT:USDT",
            "BINANCE:BTCUSDT",
            "BITHUMB.KRW-BTC",
        ),
    ],
)
def test_what_may_be_anything_or_of_another_exchange_is_no_market(text):
    assert market_of(text) is None


@pytest.mark.parametrize(
    "name",
    [
        *("KRW-BTC", "KRW-BTC_candle-1m_20250115", "UPBIT_BTCKRW, 1D", "UPBIT_BTCKRW, 1_a1b2c"),
        *("BTC_KRW-1m", "BTC_KRW_1m", "upbit_KRW-BTC_1m", "krw_btc", "btckrw", "minute60_KRW-BTC"),
        *("CRIX.UPBIT.KRW-BTC", "KRW-BTC_full_v2", "KRW-BTC (1)", "btc_krw_2024-01", "KRW-BTC_ETH"),
    ],
)
def test_a_name_of_a_file_may_say_the_market(name):
    assert market_in(name) == "KRW-BTC"


@pytest.mark.parametrize(
    "name",
    [
        *("given", "BTC", "run180129_BTC", "upbit_1m_20200220_170000", "krw_candles", "my_btc"),
        *("KRW-BTC KRW-ETH", "data_BTC", "candles", "out", "bithumb", "KRW", ""),
    ],
)
def test_a_name_of_a_file_that_says_none_or_two_is_not_guessed_at(name):
    assert market_in(name) is None


def test_a_coin_in_a_name_may_be_quoted_in_bitcoin():
    assert market_in("ETH_BTC-5m") == "BTC-ETH"


def test_a_column_of_markets_is_spelt_as_the_exchange_does():
    column = pl.Series("code", ["KRW_BTC", "ETH/KRW", "KRW-BTC"])
    assert spell(column).to_list() == ["KRW-BTC", "KRW-ETH", "KRW-BTC"]
    assert spell(pl.Series("code", ["BTCKRW"] * 3)).to_list() == ["KRW-BTC"] * 3


@pytest.mark.parametrize(
    ("cells", "match"),
    [
        (["KRW-BTC", None], "row 2, column 'code' is empty"),
        (["KRW-BTC", "BTC"], "row 2, column 'code': 'BTC' is no market such as KRW-BTC"),
    ],
)
def test_a_row_of_no_market_is_named(cells, match):
    with pytest.raises(InputError, match=match) as caught:
        spell(pl.Series("code", cells))
    assert "columns={'symbol': None}" in str(caught.value)
