"""An hour on which everything happens that happens on an exchange, at 60 times its speed."""

from __future__ import annotations

import pytest

from benchmarks import odd_day

pytestmark = pytest.mark.slow
NO_TIME = "0:00:00"


@pytest.fixture(scope="module")
def told():
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MARKETKIT_BUDGET_DIR", "the day sets it, and here it is taken back")
        return odd_day.measure(quick=True)


def test_every_market_that_goes_on_is_whole_in_the_series_and_in_the_lake(told):
    rows = [row for row in told["rows"] if row["event"] not in {"ended", "renamed"}]
    assert len(rows) == len(odd_day.FOLLOWED) - 3
    for row in rows:
        assert (row["lake equal"], row["live equal"], row["unknown"]) == ("yes", "yes", NO_TIME)


def test_what_is_not_known_of_a_market_that_ended_is_said_to_be_unknown(told):
    for row in told["rows"]:
        if row["event"] in {"ended", "renamed"}:
            assert row["lake equal"] == "yes" or row["unknown"] != NO_TIME
            assert "other" not in row["lake equal"] or "0 other" in row["lake equal"]


def test_each_failure_is_named_once_and_no_request_is_refused(told):
    events = {row["symbol"]: row for row in told["rows"] if row["event"] not in {"", "paused"}}
    assert {row["interruptions"] for row in events.values()} == {1}
    assert told["ratios"]["markets missing from one"] == 0
    assert told["ratios"]["rejected requests"] == 0
    assert set(told["ratios"]["runs of the config"]) <= {0, 3}
    said = " ".join(told["ratios"]["warnings, each how often"])
    assert all(name in said for name in (*odd_day.ENDED, odd_day.RENAMED[0], odd_day.PAUSED))
