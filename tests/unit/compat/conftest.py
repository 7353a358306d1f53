"""An exchange whose clock stands still, and what it says in its own words."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from marketkit.sandbox import Sandbox


@pytest.fixture(scope="package")
def exchange() -> Iterator[Sandbox]:
    """An exchange at 10:17:30 UTC of a day."""
    with Sandbox(seed=1, now="2026-11-20T10:17:30Z", speed=0, limit=(1000, 1.0)) as one:
        yield one


@pytest.fixture
def said(exchange: Sandbox) -> Callable[[str], Any]:
    """Give the body of a path of that exchange."""

    def get(path: str) -> Any:
        with urllib.request.urlopen(f"{exchange.endpoint}{path}") as answer:
            return json.load(answer)

    return get
