"""Room is told as people read it, and given back only after a yes."""

from __future__ import annotations

import io
import json
import sys

import pytest

from marketkit.coverage import Spans
from marketkit.data.jobs.ledger import Ledger
from marketkit.data.jobs.tasks import BackfillRequest, Task
from marketkit.data.lake.lake import Lake
from marketkit.timeframe import DAY, HOUR, parse_time
from tests.unit.data.lake.conftest import make_candles
from tests.unit.data.lake.trades.conftest import make_trades

START = parse_time("2026-01-01")


class Terminal(io.StringIO):
    """Somebody at a keyboard."""

    def isatty(self) -> bool:
        """Say that somebody is there."""
        return True


@pytest.fixture
def lake(tmp_path):
    """A lake with hours of three markets, and days of one."""
    one = Lake(tmp_path / "lake")
    for symbol in ("KRW-BTC", "KRW-ETH", "BTC-ETH"):
        day = Spans([(START, START + DAY)])
        one.append(symbol, "1h", make_candles(range(START, START + DAY, HOUR), symbol=symbol), day)
    one.append("KRW-BTC", "1d", make_candles([START]), Spans([(START, START + DAY)]))
    return one


@pytest.fixture
def drop(run, lake):
    def command(*arguments: str) -> tuple[int, str, str]:
        return run("lake", "drop", *arguments, "--lake", lake.root)

    return command


@pytest.mark.parametrize("by", ["series", "quote", "timeframe"])
def test_the_room_adds_up_however_it_is_asked_for(run, lake, by):
    code, out, _ = run("lake", "du", "--by", by, "--lake", lake.root, "--json")
    rows = json.loads(out)
    assert code == 0
    assert sum(row["bytes"] for row in rows) == lake.catalog()["bytes"].sum()
    assert len(rows) == {"series": 4, "quote": 2, "timeframe": 2}[by]


def test_people_read_units_and_the_sum_of_all_parts(run, lake):
    _, out, _ = run("lake", "du", "--lake", lake.root)
    assert " kB" in out
    assert "candles" in out.splitlines()[-1]
    assert "in all" in out.splitlines()[-1]
    assert run("lake", "du", "--lake", lake.root / "none")[1].endswith("(nothing yet)\n")


def test_without_a_terminal_nothing_is_removed_unasked(drop, lake, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    code, out, err = drop("KRW-BTC", "--timeframe", "1h")
    assert (code, out) == (2, "")
    assert "KRW-BTC 1h: 24 candles" in err
    assert "add --yes" in err
    assert lake.catalog().height == 4


@pytest.mark.parametrize(("said", "left", "code"), [("y\n", 3, 0), ("n\n", 4, 3), ("", 4, 3)])
def test_somebody_is_asked_first(drop, lake, monkeypatch, said, left, code):
    monkeypatch.setattr(sys, "stdin", Terminal(said))
    done, out, err = drop("KRW-BTC", "--timeframe", "1h")
    assert (done, lake.catalog().height) == (code, left)
    assert "Remove KRW-BTC 1h: 24 candles" in err
    assert ("removed KRW-BTC 1h" if left == 3 else "nothing was removed") in out


def test_a_yes_on_the_command_line_is_enough_and_globs_mean_what_is_there(drop, lake):
    code, out, _ = drop("KRW-*", "--timeframe", "1h", "--yes", "--json")
    said = json.loads(out)
    assert code == 0
    assert (said["symbols"], said["timeframe"]) == (["KRW-BTC", "KRW-ETH"], "1h")
    assert said["bytes"] > 0
    assert lake.catalog().select("symbol", "timeframe").rows() == [
        ("BTC-ETH", "1h"),
        ("KRW-BTC", "1d"),
    ]


def test_the_timeframe_may_come_last_and_is_never_guessed(drop, lake, capsys):
    assert drop("KRW-BTC", "1h", "--yes")[0] == 0
    assert lake.catalog().height == 3
    for words in (("KRW-BTC",), ("1h",)):
        with pytest.raises(SystemExit) as ended:
            drop(*words, "--yes")
        assert ended.value.code == 2
        assert "say which series" in capsys.readouterr().err
    assert lake.catalog().height == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("KRW-BCT", "--timeframe", "1h"), "did you mean 'KRW-BTC'"),
        (("KRW-ETH", "--timeframe", "1d"), "unknown symbol 'KRW-ETH'"),
        (("KRW-BTC", "--timeframe", "1m"), "has no candles of 1m"),
        (("KRW-BTC", "--timeframe", "1min"), "did you mean '1m'"),
    ],
)
def test_what_is_not_there_cannot_be_removed(drop, lake, arguments, said):
    code, _, err = drop(*arguments, "--yes")
    assert code == 2
    assert said in err
    assert lake.catalog().height == 4


def test_a_series_that_a_job_is_at_work_on_is_not_removed(drop, lake):
    wanted = BackfillRequest("upbit", ("KRW-BTC", "KRW-ETH"), "1h", START, START + 9 * DAY)
    with Ledger(lake.root) as ledger:
        todo = [Task(symbol, 0, START, START + DAY, 24) for symbol in wanted.symbols]
        ledger.open(wanted, todo)
        me = ledger.register(wanted.id)
        code, _, err = drop("KRW-BTC", "--timeframe", "1h", "--yes")
        assert code == 1
        assert f"`marketkit jobs cancel {wanted.id}` ends it" in err
        assert drop("KRW-BTC", "--timeframe", "1d", "--yes")[0] == 0
        ledger.leave(me, "stopped")
    assert drop("KRW-BTC", "--timeframe", "1h", "--yes")[0] == 0


def test_trades_have_room_and_are_removed_as_candles_are(run, drop, lake):
    whole = Spans([(START, START + DAY)])
    lake.trades.append("KRW-BTC", make_trades([START + 5, START + 6]), whole)
    code, out, err = run("lake", "du", "--by", "timeframe", "--lake", lake.root)
    assert code == 0
    assert "trade" in out + err
    assert drop("KRW-ETH", "trade", "--yes")[0] != 0
    code, out, err = drop("KRW-B*", "trade", "--yes")
    assert code == 0
    assert "KRW-BTC trade: 2 trades" in out + err
    assert lake.trades.symbols() == []
    assert lake.read("KRW-BTC", "1h").height == 24
    code, _, err = drop("KRW-BTC", "trade", "--yes")
    assert code != 0
    assert "has no trades" in err


def test_a_broken_day_of_trades_can_be_removed(drop, lake):
    lake.trades.append("KRW-BTC", make_trades([START]), Spans([(START, START + DAY)]))
    (path,) = lake.root.glob("trades/*/*/*.parquet")
    path.write_bytes(b"rotten")
    assert drop("KRW-BTC", "trade", "--yes")[0] == 0
    assert not path.exists()
