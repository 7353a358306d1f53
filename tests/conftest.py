"""What every test may ask for."""

from __future__ import annotations

import faulthandler
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import settings

from tests.clocks import faketime
from tests.environment import keep_still
from tests.waiting import PATIENCE

# A busy machine is no failure: how long an example takes is for the benchmarks to say.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

# A shell's background jobs ignore Ctrl-C, and so would the tests and programs that wait for one.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_configure(config: pytest.Config) -> None:
    """Have `faketime '+40 days' python -m pytest` shift the time of day and leave all else alone."""
    if faketime.is_wanting():
        config.pluginmanager.getplugin("capturemanager").stop_global_capturing()
        faketime.start_again()
    keep_still()


_STACKS = pytest.StashKey[Path]()  # the folder in which each worker of xdist writes how it crashed
_PYTEST = re.compile(r"[/\\](_pytest|pluggy|xdist|execnet)[/\\]")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of xdist where to write the stacks of its threads, should it crash."""
    if _STACKS not in node.config.stash:
        node.config.stash[_STACKS] = Path(tempfile.mkdtemp(prefix="crashed-"))
    node.workerinput["stacks"] = str(node.config.stash[_STACKS] / node.gateway.id)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Have a worker of xdist do so: what it writes to the terminal, pages of tests push away."""
    if at := getattr(session.config, "workerinput", {}).get("stacks"):
        file = Path(at).open("w")  # noqa: SIM115 - for as long as the process runs
        session.config.add_cleanup(file.close)
        faulthandler.enable(file=file)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Show the stacks of crashed workers at the end of a run, without the frames of pytest."""
    if folder := config.stash.get(_STACKS, None):
        for file in sorted(folder.iterdir()):
            stacks = file.read_text("utf-8", "replace").partition("Extension modules:")[0]
            if stacks:
                lines = [line for line in stacks.splitlines() if not _PYTEST.search(line)]
                terminalreporter.section(f"{file.name} crashed")
                terminalreporter.write_line("\n".join(lines))
        shutil.rmtree(folder)


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Spell out letters of no text, as of a folder's name: else xdist ends the whole run."""
    return _spelt((yield))


def _spelt(said: Any) -> Any:
    if isinstance(said, str):
        return said.encode("utf-8", "backslashreplace").decode()
    if isinstance(said, dict):
        return {_spelt(key): _spelt(value) for key, value in said.items()}
    return type(said)(map(_spelt, said)) if type(said) in {list, tuple} else said


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by their number: packed ones have the time in them, and names must be the same."""
    return f"{argname} of {len(val)} bytes" if isinstance(val, bytes) else None


@pytest.fixture
def with_own(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Give one of our modules other functions of `time` or `asyncio`.

    Never patch these two for all: event loops of other threads would wait for hours by a clock that
    a test made up.
    """

    def patch(module: ModuleType, library: ModuleType, **functions: object) -> None:
        own = SimpleNamespace(**{**vars(library), **functions})
        monkeypatch.setattr(module, library.__name__, own)

    return patch


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real candles and recorded bodies; tests that need it skip where it is absent."""
    if not (SHARED / "realdata").is_dir():
        if os.environ.get("CI") and os.environ.get("MARKETKIT_REAL_DATA") != "optional":
            pytest.fail("CI must have the folder of real data, or say MARKETKIT_REAL_DATA=optional")
        pytest.skip("no folder of real data beside the repository")
    return SHARED


@pytest.fixture(autouse=True, scope="session")
def _no_wait_for_the_disk() -> Iterator[None]:
    """Leave out waiting until a disk has what was written: no test pulls the plug.

    Thousands of lakes are written, and a slow disk would be most of the time. Programs that tests
    start wait as ever; the tests of orders of writing put their own function in this place.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(autouse=True)
def _private_machine(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Keep budgets, lakes and caches of a test apart from those of the person who runs it."""
    base = tmp_path_factory.mktemp("machine")
    monkeypatch.setenv("MARKETKIT_BUDGET_DIR", str(base / "budget"))
    monkeypatch.setenv("MARKETKIT_LAKE", str(base / "lake"))
    monkeypatch.setenv("MARKETKIT_CACHE", str(base / "cache"))
    monkeypatch.setenv("MARKETKIT_SETTINGS", str(base / "settings"))
    # The last are of the terminal in which tests run; xdist has 80 columns, whatever that has.
    own = ("ENDPOINT", "OFFLINE", "ARCHIVE", "ARCHIVE_TERMS")
    for name in (*(f"MARKETKIT_{each}" for each in own), "COLUMNS", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    yield
    no_more_images()


def no_more_images() -> None:
    """Have the thread that makes images end, which would go on with those of an earlier test."""
    tier = sys.modules.get("marketkit.data.lake.tier.tier")
    if tier is not None:
        with tier._builder._changed:
            tier._builder._queue.clear()
        assert tier.wait(PATIENCE)
