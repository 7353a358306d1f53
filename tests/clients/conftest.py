"""One exchange per spelling for all third-party clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from marketkit.sandbox import Sandbox

NOW = "2026-11-20T10:17:30.500"


@pytest.fixture(scope="session")
def wire() -> Iterator[Sandbox]:
    """The exchange as it is, with a limit no client's own pacing meets by accident."""
    with Sandbox(now=NOW, speed=0, limit=(1000, 1.0)) as exchange:
        yield exchange


@pytest.fixture(scope="session")
def fraction() -> Iterator[Sandbox]:
    """The exchange with every decimal spelled with a fraction."""
    with Sandbox(now=NOW, speed=0, limit=(1000, 1.0), spelling="fraction") as exchange:
        yield exchange
