"""The log of trades that came or went."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.data.lake.trades.layout import TradeSeries
from marketkit.data.lake.trades.log import read_log, record
from marketkit.errors import CorruptFile
from tests.unit.data.lake.trades.conftest import NOON, make_trades

SERIES = TradeSeries("upbit", "KRW-BTC")


@pytest.fixture
def root(tmp_path):
    (tmp_path / SERIES.folder).mkdir(parents=True)
    return tmp_path


def note(root, *times):
    revised = make_trades(times, [None] * len(times)).with_columns(came=pl.lit(value=True))
    record(root, SERIES, revised, NOON + 100)


def test_what_is_logged_is_read(root):
    note(root, NOON)
    note(root, NOON + 1, NOON + 2)
    rows = read_log(root, SERIES)
    assert (rows["time"].dt.epoch("ms") - NOON).to_list() == [0, 1, 2]
    assert rows["came"].all()
    assert rows["seen_at"].dt.epoch("ms").unique().to_list() == [NOON + 100]


def test_half_a_line_of_a_writer_that_died_hides_nothing(root):
    note(root, NOON)
    log = root / SERIES.log
    log.write_bytes(log.read_bytes() + b'{"symbol": "KRW-')
    assert read_log(root, SERIES).height == 1
    note(root, NOON + 1)
    assert read_log(root, SERIES).height == 2


def test_nothing_is_logged_for_nothing(root):
    note(root)
    assert not (root / SERIES.log).exists()
    assert read_log(root, SERIES).is_empty()


def test_a_line_of_something_else_is_refused(root):
    (root / SERIES.log).write_text("{}\n")
    with pytest.raises(CorruptFile, match="no trade"):
        read_log(root, SERIES)
