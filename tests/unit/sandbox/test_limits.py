"""Rate windows as pure functions of the arrival times."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketkit.errors import InputError
from marketkit.sandbox.limits import GROUPS, Limits, Visitors, rates

RATE = (10, 1.0)


def statuses(kind, arrivals, ban_after=0):
    limits = Limits(rates(RATE), kind, ban_after)
    return [limits.admit("candles", now) for now in arrivals], limits


@pytest.mark.parametrize("kind", ["first-call", "sliding", "clock"])
def test_ten_calls_pass_and_the_eleventh_is_refused_at_once(kind):
    assert statuses(kind, [5.0 + n / 1000 for n in range(11)])[0] == [200] * 10 + [429]


def test_the_first_call_opens_a_window_that_ends_a_period_later():
    arrivals = [0.5, *[1.4] * 9, 1.499, 1.5]
    assert statuses("first-call", arrivals)[0] == [200] * 10 + [429, 200]


def test_a_clock_window_ends_with_the_second():
    assert statuses("clock", [*[0.95] * 10, 0.99, *[1.0] * 10, 1.1])[0] == (
        [200] * 10 + [429] + [200] * 10 + [429]
    )


def test_a_sliding_window_gives_a_place_back_when_a_call_is_a_period_old():
    arrivals = [0.0, *[0.5] * 9, 0.9, 1.0, 1.0, 1.5]
    assert statuses("sliding", arrivals)[0] == [200] * 10 + [429, 200, 429, 200]


def test_calls_93_milliseconds_apart_fail_one_in_eleven_as_was_measured():
    replies, _ = statuses("first-call", [n * 0.0935 for n in range(484)])
    assert replies.count(429) == 44
    assert replies.index(429) == 10


@given(
    st.sampled_from(["first-call", "sliding", "clock"]),
    st.lists(st.floats(0, 5, width=32), max_size=150).map(sorted),
)
def test_no_window_ever_accepts_more_than_its_limit(kind, arrivals):
    replies, _ = statuses(kind, arrivals)
    accepted = [now for now, status in zip(arrivals, replies, strict=True) if status == 200]
    if kind == "sliding":
        assert all(b - a >= 1.0 for a, b in zip(accepted, accepted[10:], strict=False))
    if kind == "clock":
        assert all(sum(int(now) == s for now in accepted) <= 10 for s in range(6))
    # Whatever the kind: two windows at most overlap any one period.
    assert all(b - a >= 1.0 for a, b in zip(accepted, accepted[20:], strict=False))


def test_refused_calls_do_not_count_against_the_window():
    replies, _ = statuses("sliding", [*[0.0] * 10, *[0.5] * 50, *[1.0] * 10])
    assert replies[-10:] == [200] * 10


def test_worst_is_the_most_arrivals_in_any_period_refused_ones_too():
    _, limits = statuses("first-call", [*[0.0] * 3, *[0.6] * 9, *[1.1] * 4])
    assert limits.stats()["candles"] == {"requests": 16, "rejected": 2, "worst_1s": 13}


def test_worst_is_counted_over_the_limits_own_period():
    limits = Limits(rates((10, 0.02)))
    for now in (0.0, 0.01, 0.019, 0.03, 0.5):
        limits.admit("ticker", now)
    assert limits.stats()["ticker"]["worst_1s"] == 3


def test_groups_do_not_share_a_window():
    limits = Limits(rates((1, 1.0)))
    assert [limits.admit(group, 0.0) for group in GROUPS] == [200] * len(GROUPS)


def test_an_origin_gets_one_call_in_ten_seconds_whatever_the_limit():
    limits = Limits(rates((1000, 1.0)))
    assert [limits.admit("origin", now) for now in (0.0, 9.9, 10.0)] == [200, 429, 200]
    assert limits.groups["origin"].remaining(10.0) == "group=origin; min=6; sec=0"


def test_the_remaining_header_counts_down():
    limits = Limits(rates(RATE))
    left = []
    for _ in range(3):
        limits.admit("candles", 0.0)
        left.append(limits.groups["candles"].remaining(0.0))
    assert left == [f"group=candles; min=600; sec={n}" for n in (9, 8, 7)]


def test_who_ignores_too_many_refusals_is_banned_for_a_minute():
    replies, limits = statuses("first-call", [*[0.0] * 13, 59.0, 60.5], ban_after=3)
    assert replies == [200] * 10 + [429] * 3 + [418, 200]
    assert limits.banned_for(20.0) == 40


def test_nobody_is_banned_by_default():
    assert 418 not in statuses("first-call", [0.0] * 1000)[0]


@pytest.mark.parametrize("limit", [{"candle": (1, 1.0)}, (0, 1.0), (1, 0.0)])
def test_a_limit_that_makes_no_sense_is_refused(limit):
    with pytest.raises(InputError):
        rates(limit)


def test_a_mapping_changes_the_groups_it_names_only():
    assert rates({"ticker": (5, 2.0)}) == {
        **dict.fromkeys(GROUPS, (10, 1.0)),
        "ticker": (5, 2.0),
        "origin": (1, 10.0),
        "websocket": (5, 1.0),
    }


def test_each_address_has_counts_of_its_own_since_the_last_reset():
    visitors = Visitors(rates((1, 1.0)))
    visitors.of("127.0.0.2").admit("ticker", 0.0)
    visitors.of("127.0.0.3").admit("ticker", 0.0)
    visitors.of("127.0.0.3").admit("ticker", 0.1)
    visitors.of("127.0.0.4")
    told = visitors.by_address()
    assert {address: each["ticker"]["rejected"] for address, each in told.items()} == {
        "127.0.0.2": 0,
        "127.0.0.3": 1,
    }
    assert visitors.stats()["ticker"] == {"requests": 3, "rejected": 1, "worst_1s": 2}
    visitors.reset()
    assert visitors.by_address() == {}
