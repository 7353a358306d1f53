"""vectorbt is optional; with the library itself this is tested among the real clients."""

from __future__ import annotations

import sys

import pytest

from marketkit.errors import MissingExtra
from marketkit.to.vectorbt_data import vectorbt


def test_without_the_library_the_extra_is_named(hours, monkeypatch):
    monkeypatch.setitem(sys.modules, "vectorbt", None)
    with pytest.raises(MissingExtra, match=r"marketkit-upbit\[engines\]"):
        vectorbt(hours)
