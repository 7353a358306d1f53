"""The words of `premium`, handed on as they are or as the provider's defaults say."""

from __future__ import annotations

import inspect
from typing import Any

from marketkit.api.premium import PremiumCall
from marketkit.api.premium_calls import PremiumMethods
from marketkit.frames import Defaults


class Premiums(PremiumMethods[Any, Any, Any]):
    """The call of a provider that gives back what it is asked."""

    def __init__(self, defaults: Defaults) -> None:
        self._defaults = defaults
        self._premiums: Any = type("", (), {"premium": None})
        self._answer = lambda _, *words: words


def test_every_word_of_the_call_is_handed_on():
    words = {"start": "-30d", "end": "-1d", "count": 5, "session": "09:00 UTC", "source": "lake"}
    base, call, options = Premiums(Defaults()).premium(
        "BTC", "USDC", "1h", **words, frame="arrow", tz="Asia/Seoul", priority="low",
        on_error="skip",
    )  # fmt: skip
    assert base == "BTC"
    assert call == PremiumCall("USDC", "1h", **words)
    assert options == ("arrow", "Asia/Seoul", "float", "low", "skip")


def test_what_the_call_leaves_open_is_as_the_provider_says():
    seoul = Defaults("pandas", "Asia/Seoul", "00:00 Asia/Seoul")
    _, call, options = Premiums(seoul).premium("BTC")
    assert call == PremiumCall(default_session="00:00 Asia/Seoul")
    assert options[:2] == ("pandas", "Asia/Seoul")


def test_the_call_has_a_word_for_each_of_its_words():
    taken = set(inspect.signature(PremiumMethods.premium).parameters)
    assert set(PremiumCall.__dataclass_fields__) - taken == {"default_session"}
