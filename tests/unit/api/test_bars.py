"""The words of a call for bars, checked before anything is asked."""

from __future__ import annotations

from decimal import Decimal

import pytest

from marketkit.api.bars import BarCall
from marketkit.data.bars.kinds import AmountBars, TimeBars, width_of
from marketkit.errors import InputError


def test_a_width_below_an_hour_has_no_session_of_its_own():
    assert BarCall("1m", default_session="00:00 Asia/Seoul").kind() == TimeBars(width_of("1m"))
    day = BarCall("1d", default_session="00:00 Asia/Seoul").kind()
    assert str(day.session) == "00:00 Asia/Seoul"
    assert BarCall("1d", session="09:00 Asia/Seoul").kind() == TimeBars(width_of("1d"))


def test_an_amount_has_neither_session_nor_slots():
    assert BarCall(tick=5, default_session="00:00 Asia/Seoul").kind() == AmountBars(
        "tick", Decimal(5)
    )
    for call in (BarCall(tick=5, session="00:00 UTC"), BarCall(volume=5, fill="null")):
        with pytest.raises(InputError, match="for bars of time"):
            call.kind()
    with pytest.raises(InputError, match="fill='forwards'"):
        BarCall("1m", fill="forwards").kind()


def test_a_frame_of_closed_bars_alone_says_so_once():
    assert BarCall("1m").layout.closed
    assert not BarCall("1m", forming=True).layout.closed
    assert not BarCall("1m", fill="null").layout.closed
