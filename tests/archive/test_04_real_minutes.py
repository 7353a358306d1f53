"""Real minutes, served by the archive and by REST, make the same lake whichever way they come."""

from __future__ import annotations

import pytest

from marketkit.api.sync import SmartDataProvider
from marketkit.data.lake.lake import Lake
from marketkit.sandbox import Sandbox
from marketkit.timeframe import DAY, MINUTE, parse_time
from tests.integration.conftest import FAST_LIMITS

NAMES = ["KRW-BTC", "KRW-DOGE"]
START, END = "2025-09-01", "2025-10-04T01:00"  # September as one file, and days of October
WINDOW = parse_time(START), parse_time(END)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def exchange(shared):
    folder = shared / "realdata" / "azuremooni_krw"
    history = {
        "KRW-BTC:1m": folder / "BTC_KRW_1m.csv",
        "KRW-DOGE:1m": folder / "DOGE_KRW_1m.csv",
    }
    with Sandbox(history=history, now="2025-10-04T01:10", speed=0, limit=(1000, 1.0)) as one:
        yield one


@pytest.fixture(scope="module")
def lakes(exchange, tmp_path_factory):
    """Fill a lake each way: by REST, by the archive, and by the archive what REST left."""
    found = {name: Lake(tmp_path_factory.mktemp(name)) for name in ("rest", "archive", "mixed")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MARKETKIT_ARCHIVE_TERMS", "accepted")
        fill(exchange, found["rest"])
        fill(exchange, found["archive"], archive=True)
        fill(exchange, found["mixed"], start="2025-09-10T05:17", end="2025-10-02T03:11")
        fill(exchange, found["mixed"], archive=True)
    return found


def fill(exchange, lake, start=START, end=END, **more):
    options = {"endpoint": exchange.endpoint, "lake": lake.root, "limits": FAST_LIMITS}
    with SmartDataProvider(**options) as mk:
        report = mk.backfill(NAMES, "1m", start=start, end=end, show=False, **more).wait(120)
    assert report.complete, report
    assert not report.revisions


@pytest.mark.parametrize("name", ["archive", "mixed"])
def test_values_and_coverage_are_those_of_rest(lakes, name):
    columns = ["symbol", "time", "open", "high", "low", "close", "volume"]
    rows = [lakes[each].read(NAMES, "1m", *WINDOW).select(columns) for each in ("rest", name)]
    assert rows[0].height > 90_000
    assert rows[0].equals(rows[1])
    for symbol in NAMES:
        covered = [lakes[each].covered(symbol, "1m").clip(*WINDOW) for each in ("rest", name)]
        assert covered[0] == covered[1]
        assert covered[0].holds(*WINDOW)


def test_silence_at_the_edges_of_files_leaves_no_hole(lakes):
    lake = lakes["archive"]
    times = set(lake.read("KRW-DOGE", "1m", *WINDOW)["time"].dt.epoch("ms"))
    silent = [time for time in range(*WINDOW, MINUTE) if time not in times]
    assert len(silent) > 200
    assert lake.gaps("KRW-DOGE", "1m", START, END).is_empty()
    days = parse_time("2025-10-01"), parse_time("2025-10-04")
    assert lake.provenance("KRW-DOGE", "1m", *days).height == (days[1] - days[0]) // DAY


def test_all_of_it_is_sound(lakes):
    assert lakes["archive"].audit().is_empty()
    assert lakes["mixed"].audit().is_empty()
