"""The market lists of past days are found again, and nothing of them is invented."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from marketkit.data.lake import Lake
from marketkit.data.lake.format import waiting
from marketkit.data.lake.markets import Universe
from marketkit.errors import NotCovered
from marketkit.schema import MARKET, empty


def moment(day):
    return int(datetime.fromisoformat(f"{day}T09:00").replace(tzinfo=UTC).timestamp()) * 1000


def markets(*symbols, **columns):
    quotes, bases = zip(*(symbol.split("-") for symbol in symbols), strict=True)
    given = pl.DataFrame({"symbol": symbols, "quote": quotes, "base": bases, **columns})
    return pl.concat([empty(MARKET), given], how="diagonal").cast(pl.Schema(MARKET))


@pytest.fixture
def universe(tmp_path):
    return Universe(tmp_path / "lake", "upbit")


@pytest.fixture
def filled(universe):
    """MATIC until March, POL from March on; a gap in between."""
    for day in ("2026-01-01", "2026-01-02"):
        universe.keep(markets("KRW-BTC", "KRW-MATIC"), moment(day), make=True)
    universe.keep(markets("KRW-BTC", "KRW-POL"), moment("2026-03-01"), make=True)
    return universe


def test_a_list_is_given_back_as_it_was(universe):
    kept = markets("KRW-BTC", "KRW-ETH", warning=[True, None], korean_name=["비트코인", None])
    universe.keep(kept, moment("2026-01-01"), make=True)
    found, day = universe.at(date(2026, 1, 1))
    assert found.equals(kept)
    assert day == date(2026, 1, 1)


def test_the_path_names_source_and_day(universe, tmp_path):
    universe.keep(markets("KRW-BTC"), moment("2026-01-01"), make=True)
    assert (tmp_path / "lake/markets/source=upbit/2026-01-01.parquet").is_file()
    assert (tmp_path / "lake/lake.json").is_file()


def test_the_first_list_of_a_day_stays(universe):
    universe.keep(markets("KRW-BTC"), moment("2026-01-01"), make=True)
    universe.keep(markets("KRW-ETH"), moment("2026-01-01") + 3_600_000, make=True)
    assert universe.at(date(2026, 1, 1))[0]["symbol"].to_list() == ["KRW-BTC"]


def test_no_lake_is_made_unless_asked_for(universe, tmp_path):
    universe.keep(markets("KRW-BTC"), moment("2026-01-01"), make=False)
    assert not (tmp_path / "lake").exists()
    universe.keep(markets("KRW-BTC"), moment("2026-01-01"), make=True)
    universe.keep(markets("KRW-BTC"), moment("2026-01-02"), make=False)
    assert universe.days() == [date(2026, 1, 1), date(2026, 1, 2)]
    assert (tmp_path / "lake/markets/source=upbit/2026-01-02.parquet").is_file()


def test_without_a_lake_lists_wait_and_read_as_if_they_were_in_it(universe, tmp_path):
    for day, symbols in (("2026-01-01", ["KRW-BTC", "KRW-XRP"]), ("2026-01-02", ["KRW-BTC"])):
        universe.keep(markets(*symbols), moment(day), make=False)
    assert not (tmp_path / "lake").exists()

    def told():
        lists = universe.at(date(2026, 1, 1))[0]["symbol"].to_list(), universe.days()
        return *lists, universe.history()["symbol"].to_list(), universe.chronicle().ended

    before = told()
    assert before == (
        ["KRW-BTC", "KRW-XRP"],
        [date(2026, 1, 1), date(2026, 1, 2)],
        ["KRW-BTC", "KRW-XRP"],
        {"KRW-XRP": date(2026, 1, 1)},
    )
    Lake(tmp_path / "lake").require_writable()
    assert told() == before
    kept = sorted(path.name for path in (tmp_path / "lake/markets/source=upbit").iterdir())
    assert kept == ["2026-01-01.parquet", "2026-01-02.parquet"]


def test_the_first_list_of_a_day_stays_also_while_it_waits(universe):
    universe.keep(markets("KRW-BTC"), moment("2026-01-01"), make=False)
    universe.keep(markets("KRW-ETH"), moment("2026-01-01"), make=False)
    universe.keep(markets("KRW-XRP"), moment("2026-01-01"), make=True)
    assert universe.at(date(2026, 1, 1))[0]["symbol"].to_list() == ["KRW-BTC"]


def test_lists_that_came_while_another_process_made_the_lake_move_in_with_the_next(
    universe, tmp_path
):
    Lake(tmp_path / "lake").require_writable()
    late = waiting.make(tmp_path / "lake", "upbit") / "2026-01-01.parquet"
    markets("KRW-BTC").write_parquet(late)
    assert universe.days() == [date(2026, 1, 1)]
    universe.keep(markets("KRW-BTC"), moment("2026-01-02"), make=False)
    assert universe.days() == [date(2026, 1, 1), date(2026, 1, 2)]
    assert not late.exists()


def test_the_newest_list_at_or_before_a_day_is_given(filled):
    assert filled.at(date(2026, 2, 20))[1] == date(2026, 1, 2)
    assert filled.at(date(2026, 3, 1))[1] == date(2026, 3, 1)
    assert filled.at(date(2030, 1, 1))[1] == date(2026, 3, 1)


def test_a_day_before_the_first_list_names_the_oldest_there_is(filled):
    with pytest.raises(NotCovered, match="the oldest is of 2026-01-01"):
        filled.at(date(2025, 12, 31))


def test_without_any_list_the_error_says_so(universe):
    with pytest.raises(NotCovered, match="no market list of any day"):
        universe.at(date(2026, 1, 1))
    assert universe.history().is_empty()


def test_the_history_has_every_market_with_its_first_and_last_day(filled):
    history = filled.history().select("symbol", "base", "listed_from", "last_seen")
    assert history.rows() == [
        ("KRW-BTC", "BTC", date(2026, 1, 1), date(2026, 3, 1)),
        ("KRW-MATIC", "MATIC", date(2026, 1, 1), date(2026, 1, 2)),
        ("KRW-POL", "POL", date(2026, 3, 1), date(2026, 3, 1)),
    ]


def test_a_market_is_told_as_it_was_last(universe):
    for day, warned in (("2026-01-01", False), ("2026-01-02", True)):
        universe.keep(markets("KRW-BTC", warning=[warned]), moment(day), make=True)
    assert universe.history()["warning"].to_list() == [True]


def test_a_broken_file_and_a_strange_one_hide_no_other(filled, tmp_path, caplog):
    folder = tmp_path / "lake/markets/source=upbit"
    (folder / "2026-02-01.parquet").write_bytes(b"PAR1 but not really")
    (folder / "notes.parquet").write_bytes(b"")
    assert filled.at(date(2026, 2, 15))[1] == date(2026, 1, 2)
    assert "2026-02-01.parquet is no market list" in caplog.text
    assert filled.history().height == 3


def test_a_list_of_an_older_marketkit_has_nulls_where_it_lacks_columns(filled, tmp_path):
    path = tmp_path / "lake/markets/source=upbit/2026-01-02.parquet"
    pl.read_parquet(path).select("symbol", "quote", "base").write_parquet(path)
    found, _ = filled.at(date(2026, 1, 2))
    assert found.schema == pl.Schema(MARKET)
    assert found["warning"].null_count() == 2


def test_a_lake_that_cannot_be_written_is_no_error(tmp_path, caplog):
    (tmp_path / "file").write_text("no folder")
    Universe(tmp_path / "file" / "lake", "upbit").keep(
        markets("KRW-BTC"), moment("2026-01-01"), make=True
    )
    assert "is not kept" in caplog.text


def test_a_lake_of_a_later_marketkit_is_left_alone(universe, tmp_path, caplog):
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "lake.json").write_text('{"format": 99}')
    universe.keep(markets("KRW-BTC"), moment("2026-01-01"), make=True)
    assert not (tmp_path / "lake" / "markets").exists()
    assert "is not kept" in caplog.text


def test_no_temporary_file_stays_behind(filled, tmp_path):
    names = [path.name for path in (tmp_path / "lake/markets/source=upbit").iterdir()]
    assert sorted(names) == ["2026-01-01.parquet", "2026-01-02.parquet", "2026-03-01.parquet"]


def test_what_the_lists_show_in_their_order_grows_with_them(filled):
    assert filled.chronicle().ended == {"KRW-MATIC": date(2026, 1, 2)}
    assert filled.chronicle().successors == {"KRW-MATIC": "KRW-POL"}
    filled.keep(markets("KRW-BTC"), moment("2026-03-05"), make=True)
    assert filled.chronicle().ended["KRW-POL"] == date(2026, 3, 1)


def test_a_list_of_an_older_day_that_comes_late_takes_its_place(filled):
    assert filled.chronicle().last["KRW-POL"] == date(2026, 3, 1)
    filled.keep(markets("KRW-BTC", "KRW-OLD"), moment("2026-02-01"), make=True)
    assert filled.chronicle().ended["KRW-OLD"] == date(2026, 2, 1)
    assert filled.chronicle().days[-2:] == (date(2026, 2, 1), date(2026, 3, 1))


def test_a_broken_list_is_left_out_of_what_they_show(filled, tmp_path):
    (tmp_path / "lake/markets/source=upbit/2026-04-01.parquet").write_bytes(b"broken")
    assert filled.chronicle().days[-1] == date(2026, 3, 1)


def test_lists_of_days_without_one_are_taken_from_another_lake(filled, tmp_path):
    other = Universe(tmp_path / "other", "upbit")
    other.keep(markets("KRW-OLD"), moment("2025-12-31"), make=True)
    other.keep(markets("KRW-OLD"), moment("2026-01-01"), make=True)
    other.keep(markets("KRW-OLD"), moment("2026-02-01"), make=True)
    (path,) = (tmp_path / "other").rglob("2026-02-01.parquet")
    path.write_bytes(b"no list")
    assert filled.take(other, dry_run=True) == 1
    assert date(2025, 12, 31) not in filled.days()
    assert filled.take(other) == 1
    assert filled.at(date(2025, 12, 31))[0]["symbol"].to_list() == ["KRW-OLD"]
    assert "KRW-OLD" not in filled.at(date(2026, 1, 1))[0]["symbol"]
    assert filled.take(other) == 0
