"""Order books as sizes added up from the best price on."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from marketkit.errors import InputError
from marketkit.notebook.charts import depth
from marketkit.schema import ORDERBOOK

pytest.importorskip("plotly")

LEVELS = [(99.0, 1.0, 101.0, 2.0), (98.0, 3.0, 102.0, 4.0), (None, None, 103.0, 1.0)]


def book(symbol="KRW-BTC", second=0, scale=1.0):
    time = datetime(2026, 3, 1, 0, 0, second, tzinfo=UTC)
    rows = [
        (symbol, time, at, bid and bid * scale, size, ask * scale, other, 4.0, 7.0, 0.0)
        for at, (bid, size, ask, other) in enumerate(LEVELS, 1)
    ]
    return pl.DataFrame(rows, dict(ORDERBOOK), orient="row")


def sides(chart):
    return [(list(trace.x), list(trace.y)) for trace in chart.figure.data]


def test_sizes_add_up_away_from_the_best_price():
    assert sides(depth(book())) == [
        ([99, 99, 98], [0, 1, 4]),
        ([101, 101, 102, 103], [0, 2, 6, 7]),
    ]


def test_the_spread_is_told_with_the_time():
    told = depth(book()).figure.layout.title.subtitle.text
    assert told == "2 apart (2.0202%), 2026-03-01 00:00:00 UTC"


def test_of_several_books_the_newest_of_each_symbol_is_drawn():
    both = pl.concat([book(scale=2.0), book(second=1), book("KRW-XRP")])
    assert sides(depth(both))[:2] == sides(depth(book()))
    chart = depth(both)
    assert len(chart.figure.data) == 4
    assert chart.figure.layout.title.subtitle.text == "2 books"
    assert [trace.showlegend for trace in chart.figure.data] == [True, True, False, False]


def test_pandas_makes_the_same_chart():
    pytest.importorskip("pandas")
    frame = book().to_pandas().set_index(["symbol", "depth"])
    assert depth(frame).figure == depth(book()).figure


def test_bids_are_red_in_korea_and_green_elsewhere():
    colors = [
        depth(book(), colors=each).figure.data[0].line.color for each in ("korean", "western")
    ]
    assert colors == ["#e0433f", "#1f9d6b"]


def test_a_side_that_is_not_there_is_not_drawn():
    lone = book().with_columns(
        pl.lit(None, pl.Float64()).alias(name) for name in ("bid_price", "bid_size")
    )
    assert sides(depth(lone))[0] == ([], [])
    assert depth(lone).figure.layout.title.subtitle.text.startswith("one side only")


def test_no_book_is_an_empty_chart():
    assert len(depth(book().head(0)).figure.data) == 0


def test_markup_in_a_symbol_is_text():
    assert depth(book("<b>")).figure.layout.title.text == "&lt;b&gt;"


def test_what_is_no_book_is_refused():
    with pytest.raises(InputError, match="needs columns bid_size ask_price ask_size"):
        depth(book().select("symbol", "bid_price"))
    with pytest.raises(InputError, match="room for 12 symbols, not 13"):
        depth(pl.concat([book(f"KRW-{at}") for at in range(13)]))
