"""Cards of streams say in words which markets, and what was interrupted."""

from __future__ import annotations

from marketkit.net.handle import Interruption
from marketkit.realtime.look import interruptions, moment, some

AT = 1_764_115_200_000  # 2025-11-26T00:00:00Z


def test_some_markets_are_named_and_others_counted():
    assert some(()) == "none is left"
    assert some(("KRW-BTC", "KRW-ETH")) == "KRW-BTC, KRW-ETH"
    assert some([f"KRW-{n}" for n in range(1_008)]).endswith("KRW-7 and 1,000 more")


def test_a_moment_is_one_of_the_callers_zone():
    assert moment(AT, "Asia/Seoul") == "2025-11-26 09:00:00 Asia/Seoul"


def test_the_last_interruption_is_told_and_whether_it_was_made_good():
    known = [Interruption(AT, None, "silent")]
    assert interruptions([], "UTC") == "never"
    assert interruptions(known, "UTC") == "once, last at 2025-11-26 00:00:00 UTC: silent (lasts)"
    known.append(Interruption(AT, AT + 1, "broken"))
    assert interruptions(known, "UTC").startswith("2 times")
    assert interruptions(known, "UTC").endswith("broken (not made good yet)")
    known.append(Interruption(AT, AT + 1, "broken", closed=AT + 60_000, how="rest"))
    assert interruptions(known, "UTC").endswith("(made good at 2025-11-26 00:01:00 UTC)")
    known.append(Interruption(AT, AT + 1, "broken", failure="too long ago"))
    assert interruptions(known, "UTC").endswith("(missing for ever: too long ago)")
