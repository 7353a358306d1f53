"""A lake on a screen: what it has, until when, and what is missing; read from the index alone."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from marketkit.api.sync import SmartDataProvider
from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.format import chunk
from marketkit.data.lake.report.summary import look
from marketkit.data.lake.store import index, scan
from marketkit.timeframe import DAY, MINUTE, parse_time
from tests.unit.data.lake.conftest import make_candles

START = parse_time("2026-01-01")


def filled(tmp_path):
    lake = Lake(tmp_path / "<lake>")
    for symbol, minutes in (("KRW-BTC", (0, 1, 5)), ("KRW-ETH", (0, 1))):
        times = [START + n * MINUTE for n in minutes]
        lake.append(
            symbol, "1m", make_candles(times, symbol), Spans((t, t + MINUTE) for t in times)
        )
    days = [START, START + DAY]
    lake.append("KRW-BTC", "1d", make_candles(days, "KRW-BTC"), Spans([(START, START + 2 * DAY)]))
    return lake


def test_each_timeframe_says_what_there_is_until_when_and_what_is_missing(tmp_path):
    minutes, days = look(filled(tmp_path)).holdings
    assert (minutes.timeframe.name, minutes.markets, minutes.candles) == ("1m", 2, 5)
    assert (minutes.first, minutes.until, minutes.earlier) == (START, START + 6 * MINUTE, 1)
    assert (minutes.missing, minutes.gaps) == (3, 1)
    assert (days.timeframe.name, days.missing, days.earlier) == ("1d", 0, 0)


def test_a_lake_is_shown_by_these_lines(tmp_path):
    lines = repr(filled(tmp_path)).splitlines()
    assert lines[0].startswith(f"Lake {tmp_path / '<lake>'}: 3 series, 7 candles, ")
    assert lines[0].endswith(" kB, 3 slots missing")
    assert lines[3].endswith("2026-01-01   2026-01-01 00:06            1  3 slots in 1 gap")
    assert lines[4].endswith("2026-01-01   2026-01-03 00:00            0  nothing")
    assert "&lt;lake&gt;" in filled(tmp_path)._repr_html_()


def test_times_are_of_the_zone_that_is_asked_for_and_ages_by_the_clock_that_is_given(tmp_path):
    state = look(filled(tmp_path))
    table = state.table(ZoneInfo("Asia/Seoul")).text()
    assert "until (Asia/Seoul)" in table
    assert "2026-01-01 09:06" in table
    now = datetime(2026, 1, 3, 2, tzinfo=UTC)
    assert state.newest(now) == "1m: 2 days ago, 1d: 2h 00m ago"


def test_a_lake_and_its_frozen_sets_show_the_zone_of_their_provider(tmp_path):
    lake = filled(tmp_path)
    lake.freeze("paper")
    with SmartDataProvider(lake=lake.root, offline=True, tz="Asia/Seoul") as provider:
        lake = provider.lake()
        shown = [repr(lake), repr(lake.as_of("paper")), provider._repr_html_()]
    assert all("until (Asia/Seoul)" in each for each in shown)


def test_looking_opens_no_file_of_candles(tmp_path, monkeypatch):
    filled(tmp_path)
    lake = Lake(tmp_path / "<lake>")

    def refuse(*_: object) -> None:
        raise AssertionError("a file of candles was opened")

    for module, name in ((index, "read_footer"), (chunk, "read_footer"), (scan, "read")):
        monkeypatch.setattr(module, name, refuse)
    assert "7 candles" in repr(lake)


def test_an_empty_lake_and_one_that_cannot_be_read_say_so(tmp_path):
    assert repr(Lake(tmp_path)) == f"Lake {tmp_path}: no candles yet"
    lake = filled(tmp_path)
    (tmp_path / "<lake>" / "marketkit.json").write_text('{"format": 999}')
    assert look(lake).total() != ""


def test_a_frozen_set_says_that_it_is_one(tmp_path):
    lake = filled(tmp_path)
    kept = lake.freeze("paper")
    assert repr(kept).splitlines()[0] == "Frozen set paper"
    assert kept.hash in repr(kept)
    assert kept.hash in kept._repr_html_()
    assert repr(lake.as_of("paper")).startswith("Frozen set ")


def test_a_state_is_plain_values_too(tmp_path):
    plain = look(filled(tmp_path)).as_dict()
    assert plain["holdings"][0]["timeframe"] == "1m"
    assert plain["fault"] == ""
