"""A sandbox exchange for the notebooks: the same seed and a clock that stands still, every run."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from marketkit.sandbox import Sandbox

_MACHINES = "10_many_machines"
_MOTO = (
    "python3 -m venv moto && moto/bin/pip install 'moto[server]'; MARKETKIT_MOTO=moto/bin/python"
)
_NOW = "2026-11-20T00:00:30Z"


_KEY = pytest.StashKey[Sandbox]()
_FOLDER = pytest.StashKey[Path]()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the exchange and point every kernel of this run at it: kernels start before fixtures."""
    folder = Path(tempfile.mkdtemp(prefix="marketkit-notebooks-"))
    exchange = Sandbox(seed=1, now=_NOW, speed=0)
    exchange.__enter__()
    session.config.stash[_KEY], session.config.stash[_FOLDER] = exchange, folder
    os.environ["MARKETKIT_ENDPOINT"] = exchange.endpoint
    os.environ["MARKETKIT_BUDGET_DIR"] = str(folder / "budget")
    # That clock is not this machine's, of which marketkit tells; the outputs are of any day.
    os.environ["PYTHONWARNINGS"] = "ignore:the clock of this machine:UserWarning"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Give each notebook a lake of its own; its kernel starts with its first cell."""
    if item.path.stem == _MACHINES and not {"MARKETKIT_MOTO", "CI"} & os.environ.keys():
        pytest.skip(_MOTO)
    os.environ["MARKETKIT_LAKE"] = str(item.config.stash[_FOLDER] / item.path.stem)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop the exchange."""
    session.config.stash[_KEY].__exit__(None, None, None)
