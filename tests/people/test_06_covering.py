"""What a file covers: its rows, the range of them, a time that is told, or what its name says."""

from __future__ import annotations

import os

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.errors import InputError
from marketkit.timeframe import DAY, SECOND, iso, parse_time
from tests.people.given import YEARS_LATER, minutes, row, write

START = parse_time("2025-04-30")
TOLD = {"symbol": "KRW-BTC", "timeframe": "1m"}
ARCHIVE = "date_time_utc,open,high,low,close,acc_trade_price,acc_trade_volume"


def spans(*pairs: tuple[str, str]) -> Spans:
    return Spans((parse_time(start), parse_time(end)) for start, end in pairs)


def archive(folder, name: str, times=(), *, written: int = YEARS_LATER):
    """Write a file as those of the exchange's archive are, here without turnover to speak of."""
    numbers = ",".join(["136310000.00000000"] * 4 + ["32312684.89347000", "0.23705466"])
    path = folder / f"{name}.csv"
    return write(
        path, [f"{iso(time)[:-1]},{numbers}" for time in times], header=ARCHIVE, written=written
    )


def test_rows_prove_their_slots_and_a_range_those_between(lake, tmp_path):
    times = minutes("2024-01-01", 10)
    path = write(tmp_path / "some.csv", [row(times[each]) for each in (7, 0, 3, 4)])
    came = lake.import_(path, **TOLD, settled=True)
    assert came.covering == spans(
        ("2024-01-01T00:00", "2024-01-01T00:01"),
        ("2024-01-01T00:03", "2024-01-01T00:05"),
        ("2024-01-01T00:07", "2024-01-01T00:08"),
    )
    came = Lake(tmp_path / "range").import_(path, **TOLD, covering="range")
    assert came.covering == spans(("2024-01-01", "2024-01-01T00:07"))


def test_a_time_that_is_told_is_proved_from_edge_to_edge(lake, tmp_path):
    path = write(tmp_path / "some.csv", map(row, minutes("2024-01-01T00:02", 3)))
    came = lake.import_(path, **TOLD, covering=("2024-01-01", "2024-01-01T00:10:30"))
    assert came.covering == spans(("2024-01-01", "2024-01-01T00:10"))
    assert (came.slots, came.distinct) == (10, 3)
    assert lake.coverage("KRW-BTC").select("state", "slots").rows() == [
        ("empty", 2),
        ("traded", 3),
        ("empty", 5),
    ]


def test_two_days_of_seconds_with_silent_edges_read_without_a_gap(lake, tmp_path):
    first = [START + each * SECOND for each in (3, 4, 86_397)]
    second = [START + DAY + each * SECOND for each in (2, 86_300)]
    files = [
        archive(tmp_path, "KRW-BTC_candle-1s_20250430", first),
        archive(tmp_path, "KRW-BTC_candle-1s_20250501", second),
    ]
    came = lake.import_(files, symbol="KRW-BTC", timeframe="1s")
    assert came.covering == spans(("2025-04-30", "2025-05-02"))
    assert (came.files, came.changed, came.unsettled.height) == (2, 5, 0)
    frame = lake.scan("KRW-BTC", "1s", "2025-04-30", "2025-05-02", fill="forward").collect()
    assert frame.height == 2 * 86_400
    assert lake.gaps("KRW-BTC", "1s").is_empty()


def test_a_month_in_a_name_is_proved_whole(lake, tmp_path):
    path = archive(tmp_path, "KRW-BTC_candle-1m_202504", minutes("2025-04-03", 5))
    came = lake.import_(path, symbol=None, timeframe="1m")["KRW-BTC"]
    assert came.covering == spans(("2025-04-01", "2025-05-01"))


def test_a_file_with_a_header_alone_is_an_empty_day(lake, tmp_path):
    path = archive(tmp_path, "KRW-BTC_candle-1m_20250430")
    came = lake.import_(path, symbol="KRW-BTC", timeframe="1m")
    assert (came.covering, came.rows) == (spans(("2025-04-30", "2025-05-01")), 0)
    assert lake.read("KRW-BTC", "1m").is_empty()
    assert lake.coverage("KRW-BTC")["state"].to_list() == ["empty"]


def test_a_header_alone_proves_nothing_where_no_time_is_told(lake, tmp_path):
    path = write(tmp_path / "none.csv", [])
    with pytest.raises(InputError, match=r"none.csv: has no rows: say covering=\(start, end\)"):
        lake.import_(path, **TOLD)
    came = lake.import_(path, **TOLD, covering=("2025-04-30", "2025-05-01"))
    assert came.covering == spans(("2025-04-30", "2025-05-01"))


def test_a_day_that_was_saved_before_it_was_over_is_proved_as_far_as_its_rows(lake, tmp_path):
    path = archive(
        tmp_path,
        "KRW-BTC_candle-1m_20250430",
        minutes("2025-04-30T00:01", 600),
        written=START + 12 * 3_600_000,
    )
    came = lake.import_(path, **TOLD)
    assert came.covering == spans(("2025-04-30", "2025-04-30T10:00"))
    assert came.unsettled.height == 1


@pytest.mark.parametrize(
    ("name", "options", "match"),
    [
        ("KRW-BTC_candle-1m_20250430", {}, "outside of what its name says 2025-04-30T00:00:00Z"),
        (
            "some",
            {"covering": ("2025-04-30", "2025-05-01")},
            "outside of what covering= 2025-04-30",
        ),
    ],
)
def test_rows_outside_of_what_is_covered_refuse_the_file(lake, tmp_path, name, options, match):
    path = archive(tmp_path, name, minutes("2025-04-30T23:58", 4))
    with pytest.raises(InputError, match=match):
        lake.import_(path, **TOLD, **options)
    assert not lake.root.exists()
    came = lake.import_(path, **TOLD, **options, force=True)
    assert came.covering.hull.end >= parse_time("2025-05-01")


def test_a_market_in_a_name_that_is_not_the_one_asked_for_refuses_the_file(lake, tmp_path):
    path = archive(tmp_path, "KRW-ETH_candle-1m_20250430", minutes("2025-04-30", 3))
    match = r"its name says KRW-ETH, not KRW-BTC: pass force=True"
    with pytest.raises(InputError, match=match):
        lake.import_(path, **TOLD)
    assert lake.import_(path, **TOLD, force=True).symbol == "KRW-BTC"
    assert Lake(tmp_path / "eth").import_(path, timeframe="1m")["KRW-ETH"].rows == 3


@pytest.mark.parametrize("covering", ["all", ("2024-01-01",), (None, "2024-01-01"), 7])
def test_a_covering_that_means_nothing_is_refused(lake, tmp_path, covering):
    path = write(tmp_path / "some.csv", map(row, minutes("2024-01-01", 3)))
    with pytest.raises(InputError, match="covering="):
        lake.import_(path, **TOLD, covering=covering)
    with pytest.raises(InputError, match="no whole slot of 1m"):
        lake.import_(path, **TOLD, covering=("2024-01-01T00:00:10", "2024-01-01T00:00:50"))


def test_a_folder_of_days_is_one_write_for_each_chunk(lake, tmp_path, monkeypatch):
    folder = tmp_path / "days"
    folder.mkdir()
    for day in range(28, 31):
        archive(folder, f"KRW-BTC_candle-1m_202504{day}", minutes(f"2025-04-{day}T00:05", 9))
    written = []
    real = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (written.append(str(b)), real(a, b))[1])
    came = lake.import_(folder, **TOLD)
    assert came.covering == spans(("2025-04-28", "2025-05-01"))
    assert sum(each.endswith("2025-04.parquet") for each in written) == 1


def test_the_command_takes_a_folder_and_tells_what_is_covered(command, lake, tmp_path):
    archive(tmp_path, "KRW-BTC_candle-1m_20250430", minutes("2025-04-30T00:05", 9))
    path = tmp_path / "KRW-BTC_candle-1m_20250430.csv"
    code, out, _ = command("import", path, "--symbol", "KRW-BTC", "--timeframe", "1m")
    assert code == 0
    assert "1,440 slots claimed, 1,431 of them empty" in out


@pytest.mark.parametrize(
    ("covering", "slots"), [("rows", 2), ("range", 4), ("2024-01-01,2024-01-02", 1440)]
)
def test_the_command_takes_every_covering(command, lake, tmp_path, covering, slots):
    times = minutes("2024-01-01T00:05", 5)
    path = write(tmp_path / "some.csv", [row(times[each]) for each in (0, 3, 4)])
    told = ("--symbol", "KRW-BTC", "--timeframe", "1m", "--covering", covering)
    code, out, _ = command("import", path, *told)
    assert (code, f"{slots:,} slots claimed" in out) == (0, True)
