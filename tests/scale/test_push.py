"""A lake of one's own and a shared one in a bucket: what either knows more, both know after."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from marketkit.cli.main import main
from marketkit.coverage import Spans
from marketkit.data.lake.lake import Lake
from marketkit.timeframe import MINUTE
from tests.unit.data.lake.conftest import make_candles

START = int(datetime(2024, 1, 31, 23, tzinfo=UTC).timestamp()) * 1000  # two chunks are met


def keep(lake, first, count, close=100.0, seen_at=1):
    start = START + first * MINUTE
    times = range(start, start + count * MINUTE, MINUTE)
    covered = Spans([(start, times.stop)])
    lake.append("KRW-BTC", "1m", make_candles(times, close=close), covered, seen_at=seen_at)
    return lake


def test_what_one_knows_more_the_other_knows_after_a_push_and_a_pull(tmp_path, moto_url):
    mine = keep(Lake(tmp_path / "mine"), 0, 90)
    yours = keep(Lake(tmp_path / "yours"), 80, 60)
    assert mine.push(moto_url).slots == 90
    assert yours.push(moto_url).slots == 50
    assert mine.pull(moto_url).slots == 50
    assert yours.pull(moto_url).slots == 80
    shared = Lake(moto_url)
    for lake in (mine, yours, shared):
        assert lake.missing("KRW-BTC", "1m", START, START + 140 * MINUTE) == Spans()
    assert mine.read(None, "1m").equals(shared.read(None, "1m"))
    assert mine.push(moto_url).slots == yours.pull(moto_url).slots == 0
    assert mine.audit().is_empty()


def test_the_word_that_was_seen_to_change_last_counts_in_a_bucket_too(tmp_path, moto_url):
    mine, yours = (keep(Lake(tmp_path / name), 0, 3) for name in ("mine", "yours"))
    mine.push(moto_url)
    keep(yours, 0, 1, 110.0, seen_at=9_000)
    keep(mine, 0, 1, 105.0, seen_at=5_000)
    assert yours.push(moto_url).revisions > 0
    assert mine.pull(moto_url).differing == 1
    assert mine.read("KRW-BTC", "1m")["close"].to_list() == [110.0, 100.0, 100.0]
    assert Lake(moto_url).revisions("KRW-BTC", "1m").height > 0


def test_the_command_line_pushes_pulls_and_says_what_came(tmp_path, moto_url, capsys):
    keep(Lake(tmp_path / "mine"), 0, 90)
    assert main(["lake", "push", moto_url, "--lake", str(tmp_path / "mine")]) == 0
    assert "90 slots" in capsys.readouterr().out
    words = ["lake", "pull", moto_url, "--symbols", "KRW-*", "--lake", str(tmp_path / "copy")]
    assert main([*words, "--dry-run"]) == 0
    assert not (tmp_path / "copy").exists()
    assert main(words) == 0
    assert Lake(tmp_path / "copy").read(None, "1m").height == 90
    with pytest.raises(SystemExit):
        main(["lake", "push"])
