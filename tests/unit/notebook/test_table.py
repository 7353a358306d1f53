"""Tables of frames fit the room there is, and what matters comes first."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketkit.notebook.table import line, of_rows, table
from marketkit.notebook.text import Room, width
from marketkit.schema import MARKET, TICKER

TIME = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
TICK = {
    **dict.fromkeys(TICKER, None),
    "symbol": "KRW-BTC",
    "time": TIME,
    "price": 178_345_000.0,
    "change": "FALL",
    "signed_change_rate": -0.0123,
    "signed_change_price": -2_000_000.0,
    "value_24h": 364_854_665_502.7,
}
TICKERS = pl.DataFrame([TICK] * 50, schema=dict(TICKER))


def market(name):
    row = ("KRW-BTC", "KRW", "BTC", name, "Bitcoin", *(True, False) * 3)
    return pl.DataFrame([row], schema=dict(MARKET), orient="row")


@pytest.mark.parametrize("most", [40, 80, 120])
def test_no_line_is_wider_than_the_room(most):
    names = pl.concat([market("비트코인")] * 10)
    for frame in (TICKERS, TICKERS.head(2), names, names.head(1), names.head(0)):
        assert all(width(each) <= most for each in table(frame).text(Room(most)).splitlines())


def test_the_change_in_percent_is_among_the_first_columns():
    head = table(TICKERS).text(Room(80)).splitlines()[0]
    assert re.split(r" {2,}", head)[:5] == [
        "symbol",
        "price",
        "change %",
        "value_24h",
        "time (UTC)",
    ]


def test_columns_without_room_are_named():
    said = " ".join(table(TICKERS).text(Room(80)).split())
    assert "no room for " in said
    assert said.endswith("low_52w, low_52w_date 10 of 50 rows are left out")


def test_a_few_rows_without_room_are_written_as_columns():
    lines = table(TICKERS.head(2)).text(Room(80)).splitlines()
    assert lines[0].split() == ["symbol", "KRW-BTC", "KRW-BTC"]
    assert len(lines) == len(TICKER)


def test_a_time_zone_stands_above_its_times():
    zoned = TICKERS.head(1).with_columns(pl.col("time").dt.convert_time_zone("Asia/Seoul"))
    shown = table(zoned.select("time")).text()
    assert shown.splitlines() == ["time (Asia/Seoul)", "─────────────────", "2026-11-20 21:30"]


def test_both_ends_of_a_long_frame_are_shown():
    shown = table(pl.DataFrame({"n": range(100)}), 4)
    assert shown.columns[0].cells == ("0", "1", "…", "98", "99")
    assert shown.note == "96 of 100 rows are left out"


def test_a_frame_without_rows_or_columns_says_so():
    assert table(TICKERS.head(0)).text().endswith("\nno rows")
    assert table(pl.DataFrame()).text() == "no columns"


def test_a_share_is_in_percent_and_a_fall_is_blue():
    shown = table(TICKERS.head(1))
    assert "\x1b[94m   -1.23\x1b[0m" in shown.text(Room(colors=True))
    assert "color:#3a7be8;'>-1.23</td>" in shown.html()
    rates = table(pl.DataFrame({"hit_rate": [0.925, None]}))
    assert (rates.columns[0].name, rates.columns[0].cells) == ("hit %", ("92.50", "-"))


def test_what_others_wrote_is_escaped_and_moves_no_cursor():
    shown = table(market("<script>alert(1)</script>\x1b[2J"))
    assert "<script>" not in shown.html()
    assert "&lt;script&gt;" in shown.html()
    assert "\x1b" not in shown.text()
    assert "<b>" not in table(pl.DataFrame({"<b>": [1]})).html()


@given(st.lists(st.floats(1e-8, 1e9), min_size=1, max_size=5))
def test_no_table_and_no_line_has_an_exponent(prices):
    frame = pl.DataFrame({"price": prices, "volume": prices, "signed_change_rate": prices})
    shown = table(frame)
    numbers = re.compile(r"\d[eE]")
    assert not numbers.search(shown.text())
    assert not any(numbers.search(cell) for column in shown.columns for cell in column.cells)
    assert not any(numbers.search(line(row)) for row in frame.iter_rows(named=True))


def test_rows_of_values_make_a_table():
    shown = of_rows(("symbol", "until"), [("KRW-BTC", TIME.astimezone(ZoneInfo("Asia/Seoul")))])
    assert shown.text().splitlines()[-1] == "KRW-BTC  2026-11-20 21:30"
    assert of_rows(("symbol",), []).height == 0


def test_lines_of_a_stream_stand_below_each_other():
    rows = [{"symbol": "KRW-BTC", "price": 178_345_000.0}, {"symbol": "KRW-XRP", "price": 3.5}]
    assert [line(row) for row in rows] == ["KRW-BTC     178,345,000", "KRW-XRP             3.5"]


def test_columns_stand_below_each_other_in_ascii_too():
    shown = table(pl.DataFrame({"이름": ["비트코인", "BTC"], "n": [1, 22]}))
    assert shown.text(Room(encoding="ascii")).splitlines() == [
        "??     n",
        "----  --",
        "????   1",
        "BTC   22",
    ]
    assert shown.text(Room(encoding="euc_kr")).splitlines()[1:3] == [
        "--------  --",
        "비트코인   1",
    ]


def test_a_price_within_a_struct_is_written_as_any_other():
    shown = table(pl.DataFrame({"s": [{"a": 178_345_000.0, "b": [1.5, None]}]}))
    assert shown.text(Room()).splitlines()[2] == "a=178,345,000; b=1.5, -"
