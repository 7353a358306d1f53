"""The words between an exchange and the wire."""

from __future__ import annotations

from dataclasses import replace

import pytest

from marketkit.errors import InputError
from marketkit.exchange.dialect import CLASSES, RateLimit
from marketkit.exchange.upbit.limits import UPBIT


def test_each_rate_group_has_a_limit_and_connections_have_theirs():
    assert UPBIT.limit("candles") == RateLimit(10, 1.0)
    assert UPBIT.limit("websocket-connect") == RateLimit(5, 1.0)


def test_a_raised_limit_counts():
    raised = replace(UPBIT, limits={**UPBIT.limits, "websocket-connect": RateLimit(50, 1.0)})
    assert raised.limit("websocket-connect") == RateLimit(50, 1.0)


def test_a_group_without_a_limit_is_refused_by_name():
    with pytest.raises(InputError, match="'orders'"):
        UPBIT.limit("orders")


def test_priorities_are_classes_from_the_most_urgent_on():
    assert sorted(CLASSES, key=CLASSES.__getitem__) == ["critical", "high", "normal", "low"]
