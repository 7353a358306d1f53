"""One exchange for the tests that only ask it; its clock stands."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from marketkit.sandbox import Sandbox
from tests.waiting import PATIENCE

NOW = "2026-11-20T10:17:30.500"


@pytest.fixture(scope="session")
def exchange() -> Iterator[Sandbox]:
    """A running exchange of the default seed."""
    with Sandbox(now=NOW, speed=0, limit=(10_000, 1.0)) as running:
        yield running


@pytest.fixture(scope="session")
def client(exchange) -> Iterator[httpx.Client]:
    """A session with that exchange."""
    with httpx.Client(base_url=exchange.endpoint + "/v1/", timeout=PATIENCE) as session:
        yield session
