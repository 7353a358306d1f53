"""Writers of a bucket that die, at any request or at once: the old or the new, and nothing lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.store.mirror import Mirror
from tests.crash.operations import FEBRUARY, MINUTE, page
from tests.scale.proxy import LOST, PASS, REFUSED
from tests.scale.test_bucket_machine import Mortal
from tests.stateful.test_lake_machine import Killed

WRITER = """
import sys
from marketkit.data.lake import Lake
from tests.crash.operations import page
url, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
lake = Lake(url)
for each in range(count):
    at = first + 2 * each
    lake.append("KRW-BTC", "1m", *page("KRW-BTC", at, at + 2, 1.0))
    print(at, flush=True)
"""
SOON = FEBRUARY + MINUTE


def start(lake: Lake) -> None:
    for symbol in ("KRW-BTC", "KRW-ETH"):
        lake.append(symbol, "1m", *page(symbol, -30, 10, 1.0), seen_at=FEBRUARY)


def append(lake: Lake, _folder: Path) -> None:
    lake.append("KRW-BTC", "1m", *page("KRW-BTC", -15, 25, 2.0), seen_at=SOON)


def merge(lake: Lake, folder: Path) -> None:
    other = Lake(folder / "other")
    if not other.is_there():
        other.append("KRW-BTC", "1m", *page("KRW-BTC", -40, 25, 2.0), seen_at=SOON)
        other.append("KRW-XRP", "1m", *page("KRW-XRP", -5, 5, 1.0), seen_at=SOON)
    lake.merge(other, prefer="other")


def drop(lake: Lake, _folder: Path) -> None:
    lake.drop("KRW-BTC", "1m")


OPERATIONS = {"append": append, "merge": merge, "drop": drop}


def state(lake: Lake) -> dict[str, object]:
    """Give the bytes of each chunk, and each line of the log but for the moment."""
    found: dict[str, object] = {
        key: lake.objects.read(key)[0] for key, _ in lake.objects.list("candles/")
    }
    logged = lake.revisions().drop("seen_at").rows()
    return found | {f"revision {each}": True for each in logged}


@pytest.mark.parametrize(
    "name", ["append", *(pytest.param(each, marks=pytest.mark.slow) for each in ("merge", "drop"))]
)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_writer_that_dies_at_any_request_leaves_the_old_or_the_new(name, after, tmp_path):
    store = pytest.importorskip("obstore.store").MemoryStore

    def machines(number: int):
        memory, url = store(), "memory://bucket/lake"

        def opened(machine: str) -> Lake:
            return Lake(Mirror(tmp_path / f"{number}-{machine}", url, Mortal(url, memory)))

        return opened

    whole = machines(-1)
    start(whole("one"))
    before = state(whole("two"))
    operation = OPERATIONS[name]
    operation(whole("one"), tmp_path)
    done = state(whole("two"))
    for step in range(200):
        opened = machines(step)
        start(opened("one"))
        lake = opened("one")
        lake.objects.left, lake.objects.after = step, after
        try:
            operation(lake, tmp_path)
        except Killed:
            pass
        else:
            break  # it has fewer requests
        found = state(opened("two"))
        assert all(found.get(key) in {before.get(key), done.get(key)} for key in found | done)
        assert opened("two").audit().is_empty()
        operation(opened("one"), tmp_path)
        assert state(opened("two")) == done
    assert step > 3


def writer(url: str, first: int, count: int, cache: Path) -> subprocess.Popen:
    environment = {
        **os.environ,
        "MARKETKIT_CACHE": str(cache),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    arguments = [sys.executable, "-c", WRITER, url, str(first), str(count)]
    return subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True)


def test_two_machines_that_write_one_chunk_lose_nothing(moto_url, tmp_path, monkeypatch):
    monkeypatch.setenv("MARKETKIT_CACHE", str(tmp_path / "reader"))
    both = [writer(moto_url, 40 * each, 10, tmp_path / f"machine-{each}") for each in range(2)]
    lake, acknowledged = Lake(moto_url), set()
    for line in both[0].stdout:  # whoever reads meanwhile sees what was acknowledged
        acknowledged.add(int(line))
        covered = lake.covered("KRW-BTC", "1m")
        assert all(FEBRUARY + each * MINUTE in covered for each in acknowledged)
    assert [each.wait(60) for each in both] == [0, 0]
    for each in both:
        each.stdout.close()
    wanted = [(40 * each, 40 * each + 20) for each in range(2)]
    spans = Spans((FEBRUARY + a * MINUTE, FEBRUARY + b * MINUTE) for a, b in wanted)
    assert lake.covered("KRW-BTC", "1m") == spans
    assert lake.read("KRW-BTC", "1m").height == sum(
        page("KRW-BTC", at, at + 2, 1.0)[0].height for a, b in wanted for at in range(a, b, 2)
    )


@pytest.mark.slow
@pytest.mark.parametrize("deed", [LOST, REFUSED], ids=["landed", "on the way"])
@pytest.mark.parametrize("number", range(3))
def test_a_writer_killed_at_a_put_loses_nothing_acknowledged(
    deed, number, moto, faulty, tmp_path, monkeypatch
):
    monkeypatch.setenv("MARKETKIT_CACHE", str(tmp_path / "reader"))
    children, puts = [], []

    def script(asked):
        if asked.method == "PUT" and "candles/" in asked.path:
            puts.append(asked)
            if len(puts) == number + 1:
                os.kill(children[0].pid, signal.SIGKILL)
                return deed
        return PASS

    faulty(moto, script)
    url = f"s3://{moto.bucket()}/lake"
    children.append(writer(url, 0, 5, tmp_path / "killed"))
    acknowledged = [int(line) for line in children[0].stdout]
    assert children[0].wait(60) == -signal.SIGKILL
    children[0].stdout.close()
    lake = Lake(url)
    covered = lake.covered("KRW-BTC", "1m")
    assert all(FEBRUARY + each * MINUTE in covered for each in acknowledged)
    assert len(acknowledged) <= len(puts)
    assert lake.audit().is_empty()
    again = writer(url, 0, 5, tmp_path / "killed")
    assert again.wait(60) == 0
    again.stdout.close()
    assert lake.covered("KRW-BTC", "1m") == Spans([(FEBRUARY, FEBRUARY + 10 * MINUTE)])
