"""Reading files: the names of columns, the kinds of times, and zones that are never guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from marketkit.data.lake.transfer.source_file import SourceFile
from marketkit.errors import InputError
from marketkit.schema import ROW

NUMBERS = "1,4,0.5,2,10,20"
PLAIN = "open,high,low,close,volume,value"
WIRE = "candle_acc_trade_volume,candle_acc_trade_price"
OLD = "candleAccTradeVolume,candleAccTradePrice"
MOMENT = datetime(2024, 1, 1, 9, tzinfo=UTC)


@pytest.fixture
def read(tmp_path):
    """Read a CSV of one candle with this time, unless a whole text is given."""

    def reading(header, time, *, numbers=NUMBERS, tz=None, columns=None):
        path = tmp_path / "given.csv"
        path.write_text(f"{header}\n{time},{numbers}\n", encoding="utf-8")
        return SourceFile(path, columns or {}, tz).read("KRW-BTC")

    return reading


@pytest.mark.parametrize(
    "header",
    [
        f"time,{PLAIN}",
        f"Timestamp,{PLAIN.title()}",
        "date_time_utc,open,high,low,close,acc_trade_volume,acc_trade_price",
        f"candle_date_time_utc,opening_price,high_price,low_price,trade_price,{WIRE}",
        f"candleDateTime,openingPrice,highPrice,lowPrice,tradePrice,{OLD}",
        f",{PLAIN}",
        f"\ufefftime,{PLAIN}",
    ],
)
def test_the_names_in_circulation_are_known(read, header):
    rows = read(header, "2024-01-01T09:00:00Z")
    assert dict(rows.schema) == dict(ROW)
    assert rows.rows() == [("KRW-BTC", MOMENT, 1.0, 4.0, 0.5, 2.0, 10.0, 20.0)]


def test_the_start_of_the_candle_comes_before_the_time_of_its_last_trade(read):
    rows = read(
        f"candle_date_time_utc,timestamp,{PLAIN}", "2024-01-01T09:00:00", numbers=f"17,{NUMBERS}"
    )
    assert rows["time"].to_list() == [MOMENT]


def test_names_that_are_given_are_believed(read):
    names = {"time": "t", "open": "a", "high": "b", "low": "c", "volume": "v"}
    rows = read("t,a,b,c,close,v,x", "2024-01-01", tz="UTC", columns=names)
    assert rows.row(0)[2:] == (1.0, 4.0, 0.5, 2.0, 10.0, None)


def test_a_column_that_is_not_there_is_named_with_those_that_are(read):
    with pytest.raises(InputError, match=r"known to be the volume.*it has time, open") as caught:
        read("time,open,high,low,close,vol,value", "2024-01-01T09:00:00Z")
    assert "columns={'volume': ...}" in str(caught.value)


def test_turnover_may_be_missing(read):
    rows = read("time,open,high,low,close,volume", "2024-01-01T09:00:00Z", numbers="1,4,0.5,2,10")
    assert rows["value"].to_list() == [None]


@pytest.mark.parametrize(
    "time",
    [
        "2024-01-01T09:00:00Z",
        "2024-01-01 09:00:00+00:00",
        "2024-01-01T18:00:00+09:00",
        "2024-01-01T18:00:00+0900",
        "2024-01-01T09:00:00.000Z",
        "2024-01-01T09:00Z",
        1_704_099_600,
        1_704_099_600_000,
        "1704099600.0",
    ],
)
def test_times_that_say_their_zone_need_no_other(read, time):
    assert read(f"time,{PLAIN}", time)["time"].to_list() == [MOMENT]
    assert read(f"time,{PLAIN}", time, tz="Asia/Seoul")["time"].to_list() == [MOMENT]


@pytest.mark.parametrize("time", ["2024-01-01T09:00:00", "2024-01-01 09:00", "2024-01-01"])
def test_times_without_a_zone_are_never_guessed(read, time):
    with pytest.raises(InputError, match="carry no zone: say which it is, as in tz='UTC'"):
        read(f"time,{PLAIN}", time)
    hour = 9 if "09" in time else 0
    assert read(f"time,{PLAIN}", time, tz="UTC")["time"].dt.hour().to_list() == [hour]
    assert read(f"time,{PLAIN}", time, tz="Asia/Seoul")["time"].dt.hour().to_list() == [
        (hour - 9) % 24
    ]


@pytest.mark.parametrize(
    ("name", "hour", "other"),
    [
        ("candle_date_time_utc", 9, "Asia/Seoul"),
        ("date_time_utc", 9, "Asia/Seoul"),
        ("candle_date_time_kst", 0, "UTC"),
        ("candleDateTimeKst", 0, "UTC"),
    ],
)
def test_the_name_of_a_column_may_say_the_zone_and_none_may_contradict_it(read, name, hour, other):
    rows = read(f"{name},{PLAIN}", "2024-01-01T09:00:00")
    assert rows["time"].dt.hour().to_list() == [hour]
    with pytest.raises(InputError, match=f"not tz='{other}'"):
        read(f"{name},{PLAIN}", "2024-01-01T09:00:00", tz=other)


def test_an_hour_that_a_clock_shows_twice_is_refused(read):
    with pytest.raises(InputError, match="America/New_York"):
        read(f"time,{PLAIN}", "2024-11-03T01:30:00", tz="America/New_York")


@pytest.mark.parametrize("time", ["yesterday", "09:00", "2024-13-01", "1704099600.5", "true"])
def test_what_is_no_time_is_shown(read, time):
    with pytest.raises(InputError, match=r"given\.csv: column 'time' holds"):
        read(f"time,{PLAIN}", time)


@pytest.mark.parametrize(
    ("times", "tz"),
    [
        (pl.Series([datetime(2024, 1, 1, 18)]), "Asia/Seoul"),  # noqa: DTZ001
        (pl.Series([MOMENT]).dt.convert_time_zone("Asia/Seoul"), None),
        (pl.Series([MOMENT]).cast(pl.Datetime("ns", "UTC")), None),
        (pl.Series([1_704_099_600_000]), None),
    ],
)
@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".feather"])
def test_times_may_have_a_type(tmp_path, times, tz, suffix):
    names = PLAIN.split(",")
    frame = pl.DataFrame({"time": times, **{name: [1.0] for name in names}})
    path = tmp_path / f"given{suffix}"
    (frame.write_parquet if suffix == ".parquet" else frame.write_ipc)(path)
    assert SourceFile(path, {}, tz).read("KRW-BTC")["time"].to_list() == [MOMENT]


def test_a_date_is_a_midnight_of_the_zone(tmp_path):
    frame = pl.DataFrame({"date": [date(2024, 1, 1)], **{name: [1.0] for name in PLAIN.split(",")}})
    frame.write_parquet(tmp_path / "given.parquet")
    with pytest.raises(InputError, match="carry no zone"):
        SourceFile(tmp_path / "given.parquet", {}, None).read("KRW-BTC")
    rows = SourceFile(tmp_path / "given.parquet", {}, "Asia/Seoul").read("KRW-BTC")
    assert rows["time"].to_list() == [datetime(2023, 12, 31, 15, tzinfo=UTC)]


@pytest.mark.parametrize("code", ["KRW-BTC", "CRIX.UPBIT.KRW-BTC", "BTC", "bitcoin"])
def test_a_code_of_the_same_market_or_in_words_not_ours_is_no_hindrance(read, code):
    rows = read(f"time,code,{PLAIN}", "2024-01-01T09:00:00Z", numbers=f"{code},{NUMBERS}")
    assert rows["symbol"].to_list() == ["KRW-BTC"]


def test_of_several_symbols_only_the_one_asked_for_is_read(tmp_path):
    rows = [f"2024-01-01T09:00:00Z,{code},{NUMBERS}" for code in ("KRW-ETH", "KRW-BTC", "KRW-XRP")]
    path = tmp_path / "given.csv"
    path.write_text("\n".join([f"time,market,{PLAIN}", *rows]))
    assert SourceFile(path, {}, None).read("KRW-ETH").height == 1
    with pytest.raises(InputError, match="candles of KRW-BTC, KRW-ETH, KRW-XRP, not of KRW-SOL"):
        SourceFile(path, {}, None).read("KRW-SOL")


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("given.parquet", b"PAR1 and then rot", "cannot be read"),
        ("given.arrow", b"rot", "cannot be read"),
        ("given.csv", b"", "cannot be read"),
        ("given.csv", b"time,open\n", "has no rows"),
        ("given.xlsx", b"rot", "one of .csv .parquet"),
        ("gone.csv", None, "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, name, content, match):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=match) as caught:
        SourceFile(path, {}, None).read("KRW-BTC")
    assert name in str(caught.value)
