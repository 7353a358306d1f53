"""An exchange with an archive, and a client that asks without any of the library's care."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest

from marketkit.exchange.dialect import Response
from marketkit.sandbox import Sandbox
from tests.waiting import PATIENCE

NOW = "2025-03-05T10:00"


@pytest.fixture(scope="session")
def shelves() -> Iterator[Sandbox]:
    """A running exchange that nobody changes; its clock stands."""
    with Sandbox(now=NOW, speed=0) as running:
        yield running


@pytest.fixture
def exchange() -> Iterator[Sandbox]:
    """A running exchange of the test's own; its clock stands."""
    with Sandbox(now=NOW, speed=0) as running:
        yield running


@pytest.fixture(scope="session")
def web() -> Iterator[httpx.Client]:
    """A session with any exchange."""
    with httpx.Client(timeout=PATIENCE) as session:
        yield session


@pytest.fixture
def walked(web) -> Callable:
    """Drive a walk of the dialect against an archive, and give the result."""

    def run(archive: str, walk):
        try:
            request = next(walk)
            while True:
                answer = web.get(f"{archive}{request.path}", params=dict(request.params))
                request = walk.send(
                    Response(answer.status_code, dict(answer.headers), answer.content, 0)
                )
        except StopIteration as done:
            return done.value

    return run
