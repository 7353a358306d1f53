"""One exchange per spelling for all third-party clients."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import pytest

from marketkit.sandbox import Sandbox
from tests.waiting import PATIENCE

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


@pytest.fixture(scope="module")
def ours(wire: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The names of pyupbit in our module, whose default provider asks the same exchange."""
    from marketkit.api import sync
    from marketkit.compat import pyupbit

    folder = tmp_path_factory.mktemp("compat")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MARKETKIT_BUDGET_DIR", str(folder / "budget"))
        provider = sync.SmartDataProvider(endpoint=wire.endpoint, lake=folder / "lake")
        patched.setattr(pyupbit, "default_provider", lambda: provider)
        with provider:
            yield pyupbit


@pytest.fixture
def theirs(wire: Sandbox, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The library itself, unmodified but for its address."""
    import pyupbit
    import pyupbit.request_api
    import requests

    class Redirected:
        """The module `requests` as pyupbit uses it, with the literal address replaced."""

        @staticmethod
        def get(url, **arguments):
            there = url.replace("https://api.upbit.com", wire.endpoint)
            return requests.get(there, timeout=PATIENCE, **arguments)

    monkeypatch.setattr(pyupbit.request_api, "requests", Redirected)
    return pyupbit
