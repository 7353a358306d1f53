"""The health of a stream, in words."""

from __future__ import annotations

from marketkit.errors import NetworkError
from marketkit.realtime.health import FaultLog, Opening, StreamState


def state(**changes) -> StreamState:
    known = {
        "connected": True, "streams": 3, "frames": 1200, "connects": 2, "refused": 1, "wrong": 0,
        "unknown": {}, "trouble": None, "quiet": 0.0,
    }  # fmt: skip
    return StreamState(**{**known, **changes})


def test_a_state_reads_as_one_line():
    assert str(state()) == "connected, 3 streams, 1,200 frames"
    told = str(state(wrong=2, ahead=3, unknown={"news": 5}))
    assert told.endswith(", 2 unreadable, 3 of the future, 5 'news'")
    assert (
        str(state(connected=False, trouble="HTTP 429", quiet=12.3)) == "nothing for 12s: HTTP 429"
    )
    assert str(state(connected=False, streams=0)) == "none open"
    assert state().as_dict()["frames"] == 1200


def test_a_kind_of_fault_is_logged_once(caplog):
    log = FaultLog()
    for words in ("one", "other"):
        log.tell("here", ("ticker", "KRW-BTC"), words)
    log.tell("here", ("ticker", "KRW-ETH"), "third")
    assert [each in caplog.text for each in ("one", "other", "third")] == [True, False, True]


def test_what_has_not_opened_says_for_how_long_and_why():
    now = 100.0
    opening = Opening("ws://here", lambda: now)
    assert "no answer and no message" in str(opening.error())
    now, opening.reason = 130.0, "HTTP 429"
    error = opening.error()
    assert isinstance(error, NetworkError)
    assert "ws://here has not opened for 30s: HTTP 429" in str(error)
