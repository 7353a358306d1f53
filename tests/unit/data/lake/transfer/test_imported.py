"""The reports of an import say what came of it, in lines and in a frame."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.transfer.imported import Imported, Imports
from marketkit.errors import InputError
from marketkit.timeframe import MINUTE, TIMEFRAMES, parse_time

START = parse_time("2024-01-01")


def report(symbol="KRW-BTC", **more):
    covering = Spans([(START, START + 5 * MINUTE)])
    counts = {"rows": 4, "distinct": 3, "changed": 2, "revisions": 1, "covering": covering}
    return Imported(Path("a/given.csv"), symbol, TIMEFRAMES["1m"], **(counts | more))


def test_a_plain_import_is_three_lines():
    assert repr(report()).splitlines() == [
        "import of given.csv as KRW-BTC 1m, 2024-01-01T00:00:00Z to 2024-01-01T00:05:00Z",
        "  4 rows, 3 distinct, 2 new or changed; 1 revised",
        "  5 slots claimed, 2 of them empty",
    ]


def test_whatever_else_is_to_say_has_a_line(candles):
    said = repr(
        report(
            files=3,
            dry_run=True,
            empty=7,
            left_out=8,
            unsettled=candles([START + 5 * MINUTE]),
            findings=("1d: odd",),
            failures=(InputError("b.csv: bad"),),
        )
    )
    assert "dry run of an import of 3 files as KRW-BTC" in said
    for each in ("7 rows say that", "8 rows left out", "1 unsettled", "1d: odd", "1 files refused"):
        assert each in said
    assert said.splitlines()[-1] == "    b.csv: bad"
    assert "no slot proved" in repr(report(covering=Spans()))


def test_several_markets_are_found_by_code_and_in_a_frame():
    both = Imports((report(), report("KRW-ETH")), (InputError("b.csv: bad"),))
    assert [each.symbol for each in both] == ["KRW-BTC", "KRW-ETH"]
    assert (len(both), both["KRW-ETH"].rows) == (2, 4)
    assert both.frame.select("symbol", "slots", "unsettled").rows() == [
        ("KRW-BTC", 5, 0),
        ("KRW-ETH", 5, 0),
    ]
    assert repr(both).count("import of given.csv") == 2
    with pytest.raises(KeyError, match="KRW-XRP"):
        both["KRW-XRP"]
