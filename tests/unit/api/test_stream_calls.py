"""The calls that open streams refuse what makes no sense before they open any."""

from __future__ import annotations

import pytest

from marketkit.errors import InputError


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: p.watch("KRW-BTC", "ticker", frame="panda"), "frame='panda'"),
        (lambda p: p.watch("KRW-BTC", "ticker", speed=2.0), "give replay="),
        (lambda p: p.watch("KRW-BTC", "ticker", priority="urgent"), "priority='urgent'"),
        (lambda p: p.live("KRW-BTC", "1m", tz="Asia/Soul"), "Asia/Soul"),
        (lambda p: p.live("KRW-BTC", "1m", start="2026-11-16"), "give replay="),
        (lambda p: p.record("KRW-BTC", "trade", to="here", priority="urgent"), "priority="),
    ],
)
def test_options_are_checked_first(provider, exchange, call, message):
    with pytest.raises(InputError, match=message):
        call(provider)
    assert not exchange.asked
