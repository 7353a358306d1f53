"""An exchange that a test may have faults of, and a session that reads only what is asked of it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from marketkit.sandbox import Sandbox
from tests.waiting import PATIENCE

NOW = "2026-11-20T10:17:30.500"


@pytest.fixture
def exchange() -> Iterator[Sandbox]:
    """An exchange of its own for each test; its clock stands."""
    with Sandbox(now=NOW, speed=0, limit=(10_000, 1.0)) as running:
        yield running


@pytest.fixture
def client(exchange) -> Iterator[httpx.Client]:
    """A session with that exchange, which follows no redirect."""
    with httpx.Client(base_url=exchange.endpoint + "/v1/", timeout=PATIENCE) as session:
        yield session
