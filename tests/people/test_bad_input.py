"""Files that are refused: one sentence that says which and why, nothing written, or they alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketkit.data.lake import Lake
from marketkit.errors import InputError
from marketkit.timeframe import MINUTE, parse_time
from tests.people.given import HEADER, minutes, row, write

START = parse_time("2024-01-01")
TOLD = {"symbol": "KRW-BTC", "timeframe": "1m"}
BAD = {
    "a price of nothing": (row(START).replace("100.0", "0"), "a price that is not positive"),
    "a time between slots": (row(START + 1), "time is no slot of 1m"),
    "no low": (row(START).replace("100.0", "99", 1), "low is not the lowest"),
    "volume below nothing": (row(START, volume=-1), "a negative volume or value"),
}


@pytest.fixture
def hundred(tmp_path) -> Path:
    """A hundred files of ten minutes; in two of them one row is impossible."""
    folder = tmp_path / "hundred"
    folder.mkdir()
    for each in range(100):
        lines = [row(START + (10 * each + n) * MINUTE) for n in range(10)]
        if each in (17, 60):
            lines[4] = lines[4].replace("100.0", "0")
        write(folder / f"part-{each:03d}.csv", lines)
    return folder


def test_of_a_hundred_files_two_bad_ones_are_listed_and_the_others_taken(lake, hundred):
    came = lake.import_(hundred, **TOLD, settled=True, on_error="skip")
    assert (came.files, came.changed, len(came.failures)) == (98, 980, 2)
    assert [Path(str(each).partition(":")[0]).name for each in came.failures] == [
        "part-017.csv",
        "part-060.csv",
    ]
    assert "2 files refused:" in repr(came)
    assert "row 5: 2024-01-01T02:54:00Z, open 0.0" in repr(came)


def test_or_none_is_taken(lake, hundred):
    with pytest.raises(InputError, match=r"part-017.csv: 1 row refused: .* the first is row 5"):
        lake.import_(hundred, **TOLD)
    assert not lake.root.exists()


def test_where_no_file_is_left_that_is_an_error(lake, tmp_path):
    paths = [write(tmp_path / f"{each}.csv", [row(START + 1)]) for each in range(3)]
    with pytest.raises(InputError, match=r"none of 3 files fits: .*0.csv: 1 row refused"):
        lake.import_(paths, **TOLD, on_error="skip")
    assert not lake.root.exists()


@pytest.mark.parametrize(("line", "match"), BAD.values(), ids=BAD)
def test_an_impossible_row_is_named_with_its_file_and_numbers(lake, tmp_path, line, match):
    path = write(tmp_path / "bad.csv", [row(START + MINUTE), line, row(START + 2 * MINUTE)])
    with pytest.raises(InputError) as caught:
        lake.import_(path, **TOLD)
    said = str(caught.value)
    assert said.startswith(f"{path}: 1 row refused: {match}; the first is row 2: 2024-01-01")
    assert "\n" not in said
    assert not lake.root.exists()


def test_a_bad_file_of_one_market_keeps_all_markets_out(lake, tmp_path):
    header = f"market,{HEADER}"
    lines = [
        f"{name},{row(time)}"
        for name in ("KRW-BTC", "KRW-ETH")
        for time in minutes("2024-01-01", 3)
    ]
    lines[-1] = lines[-1].replace("100.0", "0")
    path = write(tmp_path / "two.csv", lines, header=header)
    with pytest.raises(InputError, match=r"two.csv: 1 row refused.*row 6"):
        lake.import_(path, timeframe="1m")
    assert not lake.root.exists()


def test_each_market_of_a_file_has_a_report(lake, tmp_path):
    header = f"market,{HEADER}"
    lines = [
        f"{name},{row(time, close)}"
        for time in minutes("2024-01-01", 3)
        for name, close in (("BTC/KRW", 100.0), ("ETH/KRW", 7.0))
    ]
    path = write(tmp_path / "two.csv", lines, header=header)
    came = lake.import_(path, symbol=None, timeframe="1m", settled=True)
    assert came.frame.select("symbol", "rows", "changed").rows() == [
        ("KRW-BTC", 3, 3),
        ("KRW-ETH", 3, 3),
    ]
    assert lake.read("KRW-ETH", "1m")["close"].to_list() == [7.0] * 3
    one = Lake(tmp_path / "one")
    assert one.import_(path, symbol="BTC/KRW", timeframe="1m", settled=True).changed == 3
    assert one.catalog()["symbol"].to_list() == ["KRW-BTC"]


@pytest.mark.parametrize(
    ("cell", "match"),
    [
        ("", "row 2, column 'market' is empty: no market is named"),
        ("KRW", "row 2, column 'market': 'KRW' is no market such as KRW-BTC"),
    ],
)
def test_a_row_of_no_market_or_of_an_unknown_one_refuses_the_file(lake, tmp_path, cell, match):
    times = minutes("2024-01-01", 3)
    names = ["KRW-BTC", cell, "KRW-BTC"]
    lines = [f"{name},{row(time)}" for name, time in zip(names, times, strict=True)]
    path = write(tmp_path / "odd.csv", lines, header=f"market,{HEADER}")
    for symbol in ("KRW-BTC", None):
        with pytest.raises(InputError, match=match):
            lake.import_(path, symbol=symbol, timeframe="1m", covering="range")
    assert not lake.root.exists()


def test_a_file_that_names_no_market_wants_to_be_told(lake, tmp_path):
    path = write(tmp_path / "some.csv", map(row, minutes("2024-01-01", 3)))
    with pytest.raises(InputError, match=r"names no market.*say symbol='KRW-BTC'"):
        lake.import_(path, timeframe="1m")


@pytest.mark.parametrize(("duplicates", "volume"), [("first", 1.5), ("last", 2.5)])
def test_of_two_candles_of_one_time_that_counts_which_is_said(lake, tmp_path, duplicates, volume):
    first, second = minutes("2024-01-01", 2)
    path = write(tmp_path / "twice.csv", [row(first), row(second), row(first, volume=2.5)])
    match = (
        r"two different candles of 2024-01-01T00:00:00Z: row 1 .*1.5.* and row 3 .*2.5.*duplicates="
    )
    with pytest.raises(InputError, match=match):
        lake.import_(path, **TOLD)
    came = lake.import_(path, **TOLD, duplicates=duplicates, settled=True)
    assert (came.rows, came.distinct) == (3, 2)
    assert lake.read("KRW-BTC", "1m")["volume"].to_list() == [volume, 1.5]


def test_two_files_that_contradict_each_other_are_both_named(lake, tmp_path):
    times = minutes("2024-01-01", 3)
    one = write(tmp_path / "one.csv", map(row, times))
    other = write(tmp_path / "other.csv", [row(each, volume=2.5) for each in times])
    with pytest.raises(InputError, match=r"other.csv: has two different .* row 1 of .*one.csv"):
        lake.import_([one, other], **TOLD, settled=True)
    came = lake.import_([one, other], **TOLD, settled=True, on_error="skip")
    assert (came.files, came.changed, len(came.failures)) == (1, 3, 1)


def test_the_command_says_the_sentence_and_ends_as_a_wrong_call_does(command, lake, tmp_path):
    path = write(tmp_path / "bad.csv", [row(START), BAD["no low"][0]])
    code, out, err = command("import", path, "--symbol", "KRW-BTC", "--timeframe", "1m")
    assert code == 2
    assert "bad.csv: 1 row refused" in out + err
    assert not lake.root.exists()


def test_the_command_takes_the_good_files_of_a_hundred_and_ends_as_incomplete(
    command, lake, hundred
):
    told = ("--symbol", "KRW-BTC", "--timeframe", "1m", "--settled")
    assert command("import", hundred, *told)[0] == 2
    assert not lake.root.exists()
    code, out, _ = command("import", hundred, *told, "--on-error", "skip")
    assert code == 3
    assert "import of 98 files as KRW-BTC 1m" in out
    assert "2 files refused:" in out
    assert lake.catalog()["rows"].sum() == 980


def test_the_command_decides_between_two_rows_of_one_time(command, lake, tmp_path):
    (first,) = minutes("2024-01-01", 1)
    path = write(tmp_path / "twice.csv", [row(first), row(first, volume=2.5)])
    told = ("--symbol", "KRW-BTC", "--timeframe", "1m", "--settled")
    code, _, err = command("import", path, *told)
    assert (code, "duplicates=" in err) == (2, True)
    assert command("import", path, *told, "--duplicates", "last")[0] == 0
    assert lake.read("KRW-BTC", "1m")["volume"].to_list() == [2.5]
