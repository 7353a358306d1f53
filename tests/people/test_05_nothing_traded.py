"""Rows that say that nothing traded prove empty slots where the file may, and are never candles."""

from __future__ import annotations

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.errors import InputError
from marketkit.timeframe import MINUTE, iso, parse_time
from tests.people.given import HEADER, minutes, row, write

START = parse_time("2024-01-01")
TOLD = {"symbol": "KRW-BTC", "timeframe": "1m"}
NOTHING = {
    "a time alone": ",,,,,",
    "as upbit's guide writes": ",,,,0,0",
    "zeros": "0,0,0,0,0,0",
    "pandas, summed": "NaN,NaN,NaN,NaN,0.0,0.0",
    "freqtrade, filled": "100,100,100,100,0,",
    "jesse, filled": "100,100,100,100,0,0",
}


def spans(*pairs: tuple[int, int]) -> Spans:
    return Spans((START + start * MINUTE, START + end * MINUTE) for start, end in pairs)


def filled(path, numbers: str, silent=(1, 2), count: int = 5):
    times = minutes("2024-01-01", count)
    lines = [f"{iso(t)},{numbers}" if n in silent else row(t) for n, t in enumerate(times)]
    return write(path, lines)


@pytest.mark.parametrize("numbers", NOTHING.values(), ids=NOTHING)
def test_a_row_without_a_trade_proves_an_empty_slot(lake, tmp_path, numbers):
    came = lake.import_(filled(tmp_path / "filled.csv", numbers), **TOLD)
    assert came.covering == lake.covered("KRW-BTC", "1m") == spans((0, 4))
    assert (came.rows, came.distinct, came.empty, came.changed) == (5, 3, 2, 2)
    assert lake.read("KRW-BTC", "1m")["time"].dt.minute().to_list() == [0, 3, 4]
    assert "2 rows say that nothing traded" in repr(came)
    states = lake.coverage("KRW-BTC").select("state", "slots").rows()
    assert states == [("traded", 1), ("empty", 2), ("traded", 1)]


@pytest.mark.parametrize("numbers", NOTHING.values(), ids=NOTHING)
def test_the_newest_row_proves_nothing_and_is_no_candle(lake, tmp_path, numbers):
    came = lake.import_(filled(tmp_path / "filled.csv", numbers, silent=(4,)), **TOLD)
    assert came.covering == spans((0, 4))
    assert came.unsettled.is_empty()
    assert lake.read("KRW-BTC", "1m").height == 4


@pytest.mark.parametrize("covering", ["range", ("2024-01-01", "2024-01-01T00:10")])
def test_within_a_wider_claim_they_say_what_it_says(lake, tmp_path, covering):
    came = lake.import_(filled(tmp_path / "filled.csv", ",,,,,"), **TOLD, covering=covering)
    assert came.covering == spans((0, 4)) if covering == "range" else spans((0, 10))
    assert came.empty == 2


def test_a_slot_that_traded_for_the_exchange_stays(lake, tmp_path):
    lake.import_(filled(tmp_path / "true.csv", "", silent=()), **TOLD)
    came = lake.import_(filled(tmp_path / "filled.csv", ",,,,,"), **TOLD)
    assert came.differing == 2
    assert lake.read("KRW-BTC", "1m").height == 5
    lake.import_(filled(tmp_path / "filled.csv", ",,,,,"), **TOLD, prefer="file")
    assert lake.read("KRW-BTC", "1m").height == 3
    assert lake.revisions().height == 12


def test_our_own_frame_filled_with_nulls_comes_back_as_it_was(lake, tmp_path):
    lake.import_(filled(tmp_path / "filled.csv", ",,,,,", count=6), **TOLD, settled=True)
    for fill in ("null", "forward"):
        frame = lake.scan("KRW-BTC", "1m", fill=fill).collect()
        for name, part in (("said", frame), ("plain", frame.drop("state"))):
            path = tmp_path / f"{fill}-{name}.parquet"
            part.write_parquet(path)
            back = Lake(tmp_path / f"of-{fill}-{name}")
            came = back.import_(path, **TOLD, settled=True)
            assert came.empty == 2
            assert back.read(None, "1m").equals(lake.read(None, "1m"))
            assert back.covered("KRW-BTC", "1m") == lake.covered("KRW-BTC", "1m")


def test_blank_lines_say_nothing(lake, tmp_path):
    times = minutes("2024-01-01", 3)
    lines = [row(times[0]), "", row(times[1]), ",,,,,,", row(times[2])]
    came = lake.import_(write(tmp_path / "blank.csv", lines), **TOLD)
    assert (came.rows, came.empty, came.covering) == (3, 0, spans((0, 2)))


@pytest.mark.parametrize("numbers", ["100,100,100,,1,1", ",,,,1,1", "100,101,99,100,,1"])
def test_a_candle_that_lacks_some_numbers_is_refused_with_its_row(lake, tmp_path, numbers):
    with pytest.raises(
        InputError, match=r"odd.csv: 1 rows? refused: a null; the first is row 2: 2024"
    ):
        lake.import_(filled(tmp_path / "odd.csv", numbers, silent=(1,)), **TOLD)
    assert not lake.root.exists()


def test_a_state_that_the_volume_belies_is_refused(lake, tmp_path):
    lines = [f"{row(time)},empty" for time in minutes("2024-01-01", 2)]
    path = write(tmp_path / "states.csv", lines, header=f"{HEADER},state")
    with pytest.raises(InputError, match="state says empty, and the volume is not 0"):
        lake.import_(path, **TOLD)


def test_the_command_counts_them(command, tmp_path):
    path = filled(tmp_path / "filled.csv", "100,100,100,100,0,0")
    code, out, _ = command("import", path, "--symbol", "KRW-BTC", "--timeframe", "1m")
    assert (code, "2 rows say that nothing traded" in out) == (0, True)
