"""Days as frames."""

from __future__ import annotations

import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.lake.trades.scan import read_days, scan_days
from marketkit.errors import CorruptFile
from tests.unit.data.lake.trades.conftest import DAY, FIRST, NOON, make_trades

ALL = Span(FIRST, FIRST + 2 * DAY)


@pytest.fixture
def paths(trades):
    trades.append("KRW-BTC", make_trades([NOON, NOON + DAY]), Spans([ALL]))
    return trades.paths("KRW-BTC", ALL)


def test_files_are_read_in_their_order_and_cut(paths):
    assert len(paths) == 2
    assert read_days(paths, ALL)["sequential_id"].to_list() == [1, 2]
    assert read_days(paths, Span(NOON, NOON + 1))["sequential_id"].to_list() == [1]
    assert read_days([], ALL).is_empty()


def test_a_scan_sees_the_files_of_its_moment(trades, paths):
    plan = scan_days(paths, ALL)
    trades.append("KRW-BTC", make_trades([]), Spans([ALL]))
    assert plan.collect().height == 2


def test_damage_is_told_before_any_reader_sees_it(paths):
    content = paths[0].read_bytes()
    paths[0].write_bytes(content[:40] + b"\x00\x01" + content[42:])
    with pytest.raises(CorruptFile, match="2024-01-01"):
        read_days(paths, ALL)
