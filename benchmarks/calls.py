"""The Python functions that a warm `get_ticker("KRW-BTC")` passes through, answered from memory.

Counted, not timed: the figure is the same on every machine with the same Python. From 3.12 on
comprehensions are part of the function that they stand in, before that each counts as a call.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from types import FrameType
from typing import Any
from unittest import mock

from benchmarks._sandbox import sandbox, scratch
from marketkit.api.sync import SmartDataProvider

SYMBOL = "KRW-BTC"


def memory_path(provider: SmartDataProvider) -> list[tuple[str, str]]:
    """Give module and name of each Python function of one call that memory answers, in order."""
    while provider.with_response.get_ticker(SYMBOL).source != {SYMBOL: "memory"}:
        provider.get_ticker(SYMBOL)
    passed: list[tuple[str, str]] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            passed.append((frame.f_globals["__name__"], frame.f_code.co_qualname))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        provider.get_ticker(SYMBOL)
    finally:
        sys.setprofile(before)
    return passed


def measure(*, quick: bool) -> dict[str, Any]:  # noqa: ARG001 - one call is quick
    """Count the calls of each module."""
    with (
        scratch() as home,
        mock.patch.dict(os.environ, {"MARKETKIT_BUDGET_DIR": str(home / "budget")}),
        sandbox("--now", "2026-11-20T10:00:00Z", "--speed", "0") as endpoint,
        SmartDataProvider(endpoint=endpoint, lake=home / "lake") as provider,
    ):
        passed = memory_path(provider)
    modules = Counter(module for module, _ in passed)
    own = {module: calls for module, calls in modules.items() if module.startswith("marketkit.")}
    return {
        "rows": [{"module": module, "calls": calls} for module, calls in modules.items()],
        "ratios": {
            "calls": len(passed),
            "calls of marketkit": sum(own.values()),
            "modules of marketkit": len(own),
        },
    }
