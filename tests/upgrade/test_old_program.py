"""Old versions on this one's files: they work, or refuse with a word that says what to do."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import pytest

import marketkit as mk
from marketkit.sandbox import Sandbox
from tests.upgrade.conftest import VERSIONS
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
COMMITS = [path.name.partition(".")[0].partition("-")[2] for path in VERSIONS]
pytestmark = pytest.mark.slow


@pytest.fixture
def program(request, tmp_path):
    """The folder of an old version, from the history of this repository."""
    asked = ["git", "-C", str(ROOT), "archive", request.param]
    try:
        packed = subprocess.run(asked, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(
            f"no history of this repository here, or none that goes back to {request.param}"
        )
    with tarfile.open(fileobj=io.BytesIO(packed)) as files:
        files.extractall(tmp_path / "program", filter="data")
    return tmp_path / "program"


@pytest.fixture
def exchange():
    with Sandbox(seed=7, now="2026-01-02T00:10:00Z") as sandbox:
        yield sandbox


@pytest.fixture
def written(exchange, tmp_path, monkeypatch):
    """A folder of everything, written by this version."""
    folder = tmp_path / "new"
    for name, place in {"BUDGET_DIR": "budget", "LAKE": "lake", "CACHE": "cache"}.items():
        monkeypatch.setenv(f"MARKETKIT_{name}", str(folder / place))
    heard = threading.Event()
    with mk.SmartDataProvider(endpoint=exchange.endpoint) as provider:
        provider.backfill(
            "KRW-BTC", "1m", start="2026-01-01T20:00Z", end="2026-01-01T23:00Z"
        ).wait()
        provider.get_ticker("KRW-BTC")
        provider.get_market()
        provider.lake().freeze("new")
        provider.backfill(
            "KRW-BTC", "trade", start="2026-01-01T00:00Z", end="2026-01-02T00:00Z"
        ).wait()
        provider.lake().freeze("with_trades")  # a format that came later than the oldest versions
        recording = provider.record("KRW-BTC", ["ticker"], to=folder / "recording")
        with recording, provider.watch("KRW-BTC", "ticker") as feed:
            feed.on(lambda _: heard.set())
            assert heard.wait(PATIENCE)
    return folder


@pytest.mark.parametrize("program", COMMITS, indirect=True)
def test_an_old_version_works_with_what_this_one_wrote_or_says_why_not(program, written, exchange):
    lake = mk.Lake(written / "lake")
    rows = lake.read("KRW-BTC", "1m")
    words = [sys.executable, str(Path(__file__).with_name("old_program.py")), str(written)]
    env = {**os.environ, "PYTHONPATH": str(program)}
    done = subprocess.run(
        [*words, exchange.endpoint], capture_output=True, env=env, check=False, text=True
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told.pop("program") == str(program / "marketkit" / "__init__.py")
    assert told.pop("read") == rows["close"].to_list()
    refused = {step: said for step, said in told.items() if isinstance(said, str)}
    assert all("update it" in said for said in refused.values()), refused
    assert set(refused) <= {"newer"}
    assert set(told.get("audit", ["newer"])) == {"newer"}
    assert mk.Lake(lake.root).audit().is_empty()
