"""Engines of backtests, unmodified, on the frames that marketkit gives."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime

import polars as pl
import pytest

from marketkit.data.lake import Lake
from marketkit.frames import finish
from marketkit.schema import CANDLE
from marketkit.to import backtesting, backtrader, vectorbt

pytestmark = [
    pytest.mark.clients,
    # Of the engines' own code, which is not ours to mend.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::pandas.errors.ChainedAssignmentError"),
]
FAST, SLOW = 10, 30
CASH = 1e9
FEE = 0.0005


@pytest.fixture(scope="module")
def lake(shared, tmp_path_factory):
    """Real hours of KRW-BTC and minutes of KRW-DOGE."""
    lake = Lake(tmp_path_factory.mktemp("engines"))
    folder = shared / "realdata" / "azuremooni_krw"
    for name, symbol, timeframe in (
        ("BTC_KRW_1h", "KRW-BTC", "1h"),
        ("DOGE_KRW_1h", "KRW-DOGE", "1h"),
        ("DOGE_KRW_1m", "KRW-DOGE", "1m"),
    ):
        told = {"symbol": symbol, "timeframe": timeframe, "tz": "UTC", "settled": True}
        lake.import_(folder / f"{name}.csv", **told)
    lake.freeze("all")
    return lake.as_of("all")


@pytest.fixture(scope="module")
def month(lake):
    """The frozen month that all engines run on: 744 hours without a gap."""
    rows = lake.read("KRW-BTC", "1h", "2025-08-01", "2025-09-01")
    assert rows.height == 744
    return rows


def trades_of_backtesting(data):
    library = pytest.importorskip("backtesting")

    class Averages(library.Strategy):
        def init(self):
            close = self.data.Close.s
            self.fast = self.I(lambda: close.rolling(FAST).mean(), name="fast")
            self.slow = self.I(lambda: close.rolling(SLOW).mean(), name="slow")

        def next(self):
            if library.lib.crossover(self.fast, self.slow):
                self.buy(size=1)
            elif library.lib.crossover(self.slow, self.fast):
                self.position.close()

    run = library.Backtest(data, Averages, cash=CASH, commission=FEE, finalize_trades=True).run()
    trades = run["_trades"]
    return [
        (row.EntryTime, row.EntryPrice, row.ExitTime, row.ExitPrice, row.Commission)
        for row in trades.itertuples()
    ]


def trades_of_vectorbt(data):
    library = pytest.importorskip("vectorbt")
    close = data.get("Close")
    fast, slow = (close.rolling(length).mean() for length in (FAST, SLOW))
    enter, leave = fast.vbt.crossed_above(slow), fast.vbt.crossed_below(slow)
    portfolio = library.Portfolio.from_signals(
        close,
        # Decided at a close, done at the next open, as the other two do.
        enter.vbt.signals.fshift(),
        leave.vbt.signals.fshift(),
        price=data.get("Open"),
        size=1,
        init_cash=CASH,
        fees=FEE,
    )
    columns = portfolio.trades.records_readable.columns
    assert {"Entry Timestamp", "Exit Timestamp", "Avg Entry Price", "Avg Exit Price"} <= set(
        columns
    )
    return [
        (row["Entry Timestamp"], row["Avg Entry Price"], row["Exit Timestamp"], row["Avg Exit Price"],
         row["Entry Fees"] + row["Exit Fees"])
        for _, row in portfolio.trades.records_readable.iterrows()
    ]  # fmt: skip


def fills_of_backtrader(feed):
    library = pytest.importorskip("backtrader")
    fills = []

    class Averages(library.Strategy):
        def __init__(self):
            fast, slow = (library.ind.SMA(period=length) for length in (FAST, SLOW))
            self.cross = library.ind.CrossOver(fast, slow)

        def next(self):
            if self.cross > 0:
                self.buy(size=1)
            elif self.cross < 0 and self.position:
                self.close()

        def notify_order(self, order):
            if order.status == order.Completed:
                done = order.executed
                time = library.num2date(done.dt).replace(tzinfo=UTC)
                fills.append((time, done.price, done.comm))

    cerebro = library.Cerebro()
    cerebro.adddata(feed)
    cerebro.addstrategy(Averages)
    cerebro.broker.setcash(CASH)
    cerebro.broker.setcommission(commission=FEE)
    cerebro.run()
    return fills


def test_three_engines_make_the_same_trades_of_one_frozen_month(month):
    first = trades_of_backtesting(backtesting(month))
    second = trades_of_vectorbt(vectorbt(month))
    fills = fills_of_backtrader(backtrader(month, "1h"))
    assert len(first) == len(second) >= 8
    closed = len(fills) // 2  # what is open at the end is settled by each engine in its own way
    assert len(first) - closed in {0, 1}
    for one, other, buy, sell in zip(first, second, fills[::2], fills[1::2], strict=False):
        assert (one[0], one[2]) == (other[0], other[2]) == (buy[0], sell[0])
        assert (one[1], one[3]) == (other[1], other[3]) == (buy[1], sell[1])
        assert one[4] == pytest.approx(other[4]) == pytest.approx(buy[2] + sell[2])
    opens = dict(month.select("time", "open").rows())
    assert all(price == opens[time] for time, price, _ in fills)


@pytest.fixture(scope="module")
def doge(lake):
    """A day of real minutes of KRW-DOGE, of which 21 had no trade."""
    rows = lake.read("KRW-DOGE", "1m", "2025-09-07", "2025-09-08")
    assert rows.height < 1440
    return rows


def idle_strategy():
    """Give backtesting.py and a strategy of it that does nothing."""
    library = pytest.importorskip("backtesting")

    class Idle(library.Strategy):
        def init(self):
            pass

        def next(self):
            pass

    return library, Idle


def test_backtesting_has_a_bar_for_each_traded_minute_and_no_other(doge):
    library, idle = idle_strategy()
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # of an index or numbers that it does not like
        engine = library.Backtest(backtesting(doge), idle)
    assert engine._data["Close"].tolist() == doge["close"].to_list()
    run = engine.run()
    assert run["Start"] == doge["time"][0]
    assert run["End"] == doge["time"][-1]


def test_backtesting_plots_times_of_another_zone(month, tmp_path):
    library, idle = idle_strategy()
    seoul = finish(month, frame="polars", tz="Asia/Seoul", index=["time"])
    engine = library.Backtest(backtesting(seoul), idle, cash=CASH)
    assert engine.run()["Start"] == datetime(2025, 8, 1, tzinfo=UTC)
    engine.plot(filename=str(tmp_path / "plot.html"), open_browser=False)
    assert (tmp_path / "plot.html").stat().st_size > 10_000


def test_vectorbt_has_a_column_for_each_market_and_nothing_where_one_did_not_trade(lake):
    pytest.importorskip("vectorbt")
    both = lake.read(["KRW-BTC", "KRW-DOGE"], "1h", "2025-09-01", "2025-09-03")
    cut = both.filter((pl.col("symbol") == "KRW-BTC") | (pl.col("time").dt.hour() != 5))
    data = vectorbt(cut)
    close = data.get("Close")
    assert list(close.columns) == ["KRW-BTC", "KRW-DOGE"]
    assert close["KRW-DOGE"].isna().sum() == 2
    assert data.wrapper.freq is not None
    assert close["KRW-BTC"].tolist() == both.filter(symbol="KRW-BTC")["close"].to_list()
    zone = finish(cut, frame="polars", tz="Asia/Seoul", index=["time"])
    assert str(vectorbt(zone).get("Close").index.tz) == "Asia/Seoul"


def test_vectorbt_orders_nothing_in_a_slot_without_a_price(doge):
    library = pytest.importorskip("vectorbt")
    null = doge.with_columns(pl.when(pl.col("time").dt.minute() != 5).then("close").alias("close"))
    other = doge.with_columns(symbol=pl.lit("KRW-OTHER"))
    close = vectorbt(pl.concat([null, other])).get("Close")["KRW-DOGE"]
    assert close.isna().sum() == 24
    always = library.Portfolio.from_signals(close, close.isna() | True, close.isna() & False)
    assert len(always.orders.records) == 1


def test_backtrader_reads_each_number_and_the_width(doge):
    library = pytest.importorskip("backtrader")
    feed, seen = backtrader(doge, "1m"), []

    class Look(library.Strategy):
        def next(self):
            data = self.data
            seen.append((data.datetime.datetime(0), data.open[0], data.close[0], data.volume[0]))

    cerebro = library.Cerebro()
    cerebro.adddata(feed)
    cerebro.addstrategy(Look)
    cerebro.run()
    naive = doge.with_columns(pl.col("time").dt.replace_time_zone(None).dt.cast_time_unit("us"))
    assert seen == naive.select("time", "open", "close", "volume").rows()
    assert (feed._name, feed._timeframe, feed._compression) == (
        "KRW-DOGE",
        library.TimeFrame.Minutes,
        1,
    )


def test_backtrader_makes_the_hours_that_the_exchange_has(lake):
    """Minutes resampled by the engine are the hours that were downloaded on their own."""
    library = pytest.importorskip("backtrader")
    day = ("2025-09-07", "2025-09-08")
    closes = []

    class Look(library.Strategy):
        def next(self):
            closes.append(self.data.close[0])

    cerebro = library.Cerebro()
    minutes = backtrader(lake.read("KRW-DOGE", "1m", *day), "1m")
    # Our bars are named by their start, which backtrader takes for their end unless told.
    cerebro.resampledata(minutes, timeframe=library.TimeFrame.Minutes, compression=60, boundoff=1)
    cerebro.addstrategy(Look)
    cerebro.run()
    hours = lake.read("KRW-DOGE", "1h", *day)["close"].to_list()
    assert closes == hours


def test_empties_that_were_asked_for_have_the_last_close_in_every_engine(doge):
    """What `fill="forward"` makes is the caller's, and is handed on as it is."""
    held = pl.concat(
        [
            doge.with_columns(state=pl.lit("closed").cast(CANDLE["state"])),
            doge.tail(1).with_columns(
                pl.col("time") + pl.duration(minutes=1),
                *(pl.col("close").alias(name) for name in ("open", "high", "low")),
                volume=0.0,
                value=0.0,
                state=pl.lit("empty").cast(CANDLE["state"]),
            ),
        ]
    )
    pytest.importorskip("vectorbt")
    assert len(backtesting(held)) == doge.height + 1
    assert vectorbt(held).get("Volume").iloc[-1] == 0
    assert backtesting(held)["Open"].iloc[-1] == doge["close"][-1]
