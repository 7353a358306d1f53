"""Computations of pyupbit's tutorials come out the same with one changed import."""

from __future__ import annotations

import sys
import textwrap

import pytest

pytest.importorskip("pyupbit")
pytestmark = [
    pytest.mark.clients,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # it closes no connection
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
THEIRS, OURS = "import pyupbit", "from marketkit.compat import pyupbit"
PROGRAMS = {
    "target price of a volatility breakout": """
        import pyupbit

        df = pyupbit.get_ohlcv("KRW-BTC", interval="day", count=2)
        yesterday, today = df.iloc[-2], df.iloc[-1]
        target = today["open"] + (yesterday["high"] - yesterday["low"]) * 0.5
        answer = target, pyupbit.get_current_price("KRW-BTC") > target
    """,
    "bull markets by the mean of five days": """
        import pyupbit

        answer = {}
        for ticker in ["KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-DOGE"]:
            df = pyupbit.get_ohlcv(ticker, count=10)
            last_ma5 = df["close"].rolling(5).mean().iloc[-2]
            answer[ticker] = last_ma5, pyupbit.get_current_price(ticker) > last_ma5
    """,
    "noise of twenty days": """
        import pyupbit

        df = pyupbit.get_ohlcv("KRW-ETH", "day", 40)
        df["noise"] = 1 - (df["open"] - df["close"]).abs() / (df["high"] - df["low"])
        df["mean"] = df["noise"].rolling(20).mean()
        answer = df
    """,
    "the best k of a backtest": """
        import pyupbit
        import numpy as np

        df = pyupbit.get_ohlcv("KRW-BTC", count=60)
        answer = {}
        for k in np.arange(0.1, 1.0, 0.1):
            df["target"] = df["open"] + (df["high"] - df["low"]).shift(1) * k
            bought = df["high"] > df["target"]
            df["ror"] = np.where(bought, df["close"] / df["target"] - 0.001, 1)
            df["hpr"] = df["ror"].cumprod()
            df["dd"] = (df["hpr"].cummax() - df["hpr"]) / df["hpr"].cummax() * 100
            answer[round(k, 1)] = df["hpr"].iloc[-2], df["dd"].max()
        best = max(answer, key=answer.get)
    """,
    "the five markets with most turnover": """
        import pyupbit

        krw = [ticker for ticker in pyupbit.get_tickers(fiat="KRW")]
        rows = pyupbit.get_current_price(krw, verbose=True)
        rows = sorted(rows, key=lambda row: row["acc_trade_price_24h"], reverse=True)
        answer = [(row["market"], row["acc_trade_price_24h"]) for row in rows[:5]]
    """,
    "relative strength of five-minute candles": """
        import pyupbit

        df = pyupbit.get_ohlcv("KRW-XRP", interval="minute5", count=200)
        delta = df["close"].diff()
        up, down = delta.clip(lower=0), -delta.clip(upper=0)
        rs = up.ewm(com=13, min_periods=14).mean() / down.ewm(com=13, min_periods=14).mean()
        answer = 100 - 100 / (1 + rs)
    """,
    "bollinger bands of hours": """
        import pyupbit

        df = pyupbit.get_ohlcv("KRW-BTC", interval="minute60", count=120)
        middle, width = df.close.rolling(20).mean(), 2 * df.close.rolling(20).std()
        df["upper"], df["lower"] = middle + width, middle - width
        answer = df[df.close > df.lower]
    """,
    "half hours resampled to six and to days": """
        import pyupbit

        df = pyupbit.get_ohlcv("KRW-ETH", interval="minute30", count=150)
        rules = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
        answer = df.resample("6h").agg(rules), df.resample("1D").agg(rules)
    """,
    "a file of candles, read again": """
        import pyupbit
        import pandas as pd

        df = pyupbit.get_ohlcv("KRW-BTC", interval="week", count=30)
        df.to_csv("candles.csv", encoding="utf-8-sig")
        try:
            df.to_excel("candles.xlsx")
        except ModuleNotFoundError:  # openpyxl is pandas' extra
            pass
        answer = pd.read_csv("candles.csv", index_col=0, parse_dates=True)
    """,
    "the worth of a portfolio": """
        import pyupbit

        held = {"KRW-BTC": 0.01, "KRW-ETH": 0.5, "KRW-SHIB": 1_000_000}
        prices = pyupbit.get_current_price(list(held))
        answer = prices, sum(prices[ticker] * held[ticker] for ticker in held)
    """,
    "more candles than a request has": """
        import pyupbit

        df = pyupbit.get_ohlcv("KRW-DOGE", interval="minute1", count=450)
        answer = df, df["value"].sum(), df.index[0]
    """,
    "returns and drawdown from a day on": """
        import pyupbit

        df = pyupbit.get_ohlcv_from("KRW-BTC", interval="day", fromDatetime="2026-08-01")
        growth = (1 + df["close"].pct_change()).cumprod()
        answer = growth, (growth / growth.cummax() - 1).min()
    """,
    "spread and pressure of order books": """
        import pyupbit

        answer = []
        for book in pyupbit.get_orderbook(["KRW-BTC", "KRW-ETH"]):
            best = book["orderbook_units"][0]
            pressure = book["total_bid_size"] / book["total_ask_size"]
            answer.append((book["market"], best["ask_price"] - best["bid_price"], pressure))
        answer.append(pyupbit.get_orderbook("KRW-XRP")["orderbook_units"][:3])
    """,
    "correlation of daily returns": """
        import pyupbit
        import pandas as pd

        closes = {t: pyupbit.get_ohlcv(t, count=90)["close"] for t in ["KRW-BTC", "KRW-ETH"]}
        answer = pd.DataFrame(closes).pct_change().corr()
    """,
}


@pytest.fixture(scope="module")
def modules(ours):
    """Our module, before the first program asks for it."""
    return ours


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_tutorial_computes_the_same_with_one_changed_import(
    name, modules, theirs, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    program = textwrap.dedent(PROGRAMS[name])
    assert program.count(THEIRS) == 1
    its, mine = {}, {}
    exec(program, its)  # noqa: S102 - our own text
    exec(program.replace(THEIRS, OURS), mine)  # noqa: S102 - our own text
    assert its["pyupbit"] is theirs is sys.modules["pyupbit"]
    assert mine["pyupbit"] is modules
    same(mine["answer"], its["answer"])


def same(one, other) -> None:
    import pandas as pd

    assert type(one) is type(other)
    if isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other, check_freq=False)
    elif isinstance(one, pd.Series):
        pd.testing.assert_series_equal(one, other, check_freq=False)
    elif isinstance(one, tuple):
        for left, right in zip(one, other, strict=True):
            same(left, right)
    else:
        assert one == other
