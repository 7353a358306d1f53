"""The price board: tickers as a table of names, prices and changes, the largest turnover first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, cast

from marketkit.errors import plain
from marketkit.notebook import words
from marketkit.notebook.card import Card
from marketkit.notebook.grid import Column
from marketkit.notebook.table import Table
from marketkit.notebook.words import Tone

if TYPE_CHECKING:
    import polars as pl


def board(tickers: pl.DataFrame, names: Mapping[str, str], rows: int | None, state: str) -> Card:
    """Draw tickers (`schema.TICKER`), at most so many of each quote currency.

    `names` are those of the symbols; `state` says what keeps the prices from being current, or is
    empty.
    """
    ranked = _ranked(tickers, rows)
    title = f"{_count(ranked.height, tickers.height)} by turnover"
    if tickers.height:
        title += f", {words.moment(cast('datetime', tickers['time'].max()).replace(microsecond=0))}"
    return Card(title, {"state": state} if state else {}, None, (_table(ranked, names),))


def _ranked(tickers: pl.DataFrame, rows: int | None) -> pl.DataFrame:
    """Sort by turnover within each quote currency, which alone can be compared; won come first."""
    import polars as pl  # noqa: PLC0415 - it is there: the frame is one of its

    quote = pl.col("symbol").str.split("-").list.first()
    ranked = (
        tickers.with_columns(quote=quote)
        .sort(
            pl.col("quote") != "KRW",
            "quote",
            "value_24h",
            "symbol",
            descending=[False, False, True, False],
            nulls_last=True,
        )
        .with_columns(rank=pl.int_range(pl.len()).over("quote"))
    )
    return ranked if rows is None else ranked.filter(pl.col("rank") < rows)


def _table(ranked: pl.DataFrame, names: Mapping[str, str]) -> Table:
    symbols, changes = ranked["symbol"].to_list(), ranked["signed_change_rate"].to_list()
    tones = tuple(map(words.tone, changes))
    percents = (
        words.NOTHING if change is None else f"{words.percent(change, signed=True)}%"
        for change in changes
    )
    turnover = (words.cell("value_24h", each) for each in ranked["value_24h"].to_list())
    return Table(
        (
            Column("symbol", tuple(map(plain, symbols)), whole=True),
            Column("name", tuple(plain(names.get(each, "")) for each in symbols)),
            _numbers("price", map(words.value, ranked["price"].to_list()), tones),
            _numbers("change", percents, tones),
            _numbers("turnover 24h", turnover),
        )
    )


def _numbers(name: str, cells: Iterable[str], tones: tuple[Tone, ...] = ()) -> Column:
    return Column(name, tuple(cells), right=True, tones=tones, whole=True)


def _count(shown: int, known: int) -> str:
    if shown < known:
        return f"{shown:,} of {known:,} markets"
    return "1 market" if known == 1 else f"{known:,} markets"
