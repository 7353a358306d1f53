"""Writers of a bucket that die, at any request or at once: the old or the new, and nothing lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.places import patience
from marketkit.data.lake.store.mirror import Mirror
from marketkit.errors import InputError
from tests.crash.operations import FEBRUARY, MINUTE, SERIES, page, unsorted
from tests.scale.proxy import LOST, PASS, REFUSED, by_chance
from tests.scale.test_bucket_machine import Mortal
from tests.stateful.test_lake_machine import Killed
from tests.waiting import PATIENCE

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
SEEN = b', "seen_at"'


class Operation(NamedTuple):
    """How to make the lake an operation starts from, and the operation, with a folder beside."""

    prepare: Callable[[Lake], object]
    act: Callable[[Lake, Path], object]


def start(lake: Lake) -> None:
    for symbol in ("KRW-BTC", "KRW-ETH"):
        lake.append(symbol, "1m", *page(symbol, -30, 10, 1.0), seen_at=FEBRUARY)


def append(lake: Lake, _folder: Path) -> None:
    lake.append("KRW-BTC", "1m", *page("KRW-BTC", -15, 25, 2.0), seen_at=SOON)


def take_in(lake: Lake, folder: Path) -> None:
    rows, _ = page("KRW-BTC", -15, 25, 2.0)
    path = folder / "in.parquet"
    rows.drop("symbol").write_parquet(path)
    told = {"covering": "range", "settled": True, "prefer": "file"}
    lake.import_(path, symbol="KRW-BTC", timeframe="1m", **told)


def beside(folder: Path) -> Lake:
    """Give another lake: it differs, and knows more."""
    other = Lake(folder / "other")
    if not other.is_there():
        other.append("KRW-BTC", "1m", *page("KRW-BTC", -40, 25, 2.0), seen_at=SOON)
        other.append("KRW-XRP", "1m", *page("KRW-XRP", -5, 5, 1.0), seen_at=SOON)
    return other


def frozen(lake: Lake) -> None:
    """Make a lake that has changed since a set was frozen."""
    start(lake)
    lake.freeze("before")
    lake.append("KRW-BTC", "1m", *page("KRW-BTC", -2, 2, 1.5), seen_at=FEBRUARY)


def taken_away(lake: Lake, _folder: Path) -> None:
    with suppress(InputError):  # the name is gone already
        lake.delete("before")
    lake.vacuum()


def broken(lake: Lake) -> None:
    """Leave something for every way of mending."""
    start(lake)
    lake.append("KRW-BTC", "1m", *page("KRW-BTC", -2, 2, 1.5), seen_at=FEBRUARY)
    spoil(lake, f"{SERIES}KRW-ETH/2024-01.parquet", lambda _: b"rot")
    spoil(lake, f"{SERIES}KRW-BTC/2024-02.parquet", lambda content: unsorted(BytesIO(content)))
    for key, _ in list(lake.objects.list("revisions/")):
        spoil(lake, key, lambda content: b"no revision\n" + content)


def spoil(lake: Lake, key: str, spoilt: Callable[[bytes], bytes]) -> None:
    content, version = lake.objects.read(key)
    lake.objects.put(key, spoilt(content), version)


OPERATIONS = {
    "append": Operation(start, append),
    "import": Operation(start, take_in),
    "merge": Operation(start, lambda lake, folder: lake.merge(beside(folder), prefer="other")),
    "push": Operation(start, lambda lake, folder: beside(folder).push(lake)),
    "drop": Operation(start, lambda lake, _: lake.drop("KRW-BTC", "1m")),
    "repair": Operation(broken, lambda lake, _: lake.repair()),
    "delete": Operation(frozen, taken_away),
}


def state(lake: Lake) -> dict[str, object]:
    """Give the bytes of each chunk, each line of the log but for the moment, and each set."""
    found: dict[str, object] = {
        key: lake.objects.read(key)[0] for key, _ in lake.objects.list("candles/")
    }
    for key, _ in lake.objects.list("revisions/"):
        for line in lake.objects.read(key)[0].splitlines():
            found[f"revision {key.rpartition('/')[0]} {line.split(SEEN)[0]!r}"] = True
    for name, *_, digest in lake.frozen().rows():
        found[f"frozen {name}"] = f"broken {digest}" if lake.verify(name).height else digest
    return found


def findings(lake: Lake) -> set[tuple]:
    return set(lake.audit().select("path", "finding").rows())


def contents(lake: Lake) -> set[bytes]:
    """Give the bytes of all objects, also of those that were set aside."""
    return {lake.objects.read(key)[0] for key, _ in lake.objects.list("")}


@pytest.fixture
def machines(tmp_path):
    """Lakes in buckets of this process by number, each of which several machines open."""
    library = pytest.importorskip("obstore.store").MemoryStore

    def numbered(number: int) -> Callable[[str], Lake]:
        memory, url = library(), "memory://bucket/lake"

        def opened(machine: str) -> Lake:
            return Lake(Mirror(tmp_path / f"{number}-{machine}", url, Mortal(url, memory)))

        return opened

    return numbered


class Known(NamedTuple):
    """An operation that lived: what there was before and after, and which objects were damaged."""

    before: dict[str, object]
    after: dict[str, object]
    wrong: set[tuple]
    damaged: set[bytes]


def lived(opened: Callable[[str], Lake], operation: Operation, folder: Path) -> Known:
    """Let an operation live, in a lake of its own."""
    operation.prepare(opened("one"))
    before, wrong = state(opened("two")), findings(opened("two"))
    damaged = {opened("two").objects.read(path)[0] for path, _ in wrong if "candles/" in path}
    operation.act(opened("one"), folder)
    assert findings(opened("two")) == set()
    return Known(before, state(opened("two")), wrong, damaged)


@pytest.mark.parametrize(
    "name",
    [pytest.param(each, marks=[pytest.mark.slow] * (each != "append")) for each in OPERATIONS],
)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_writer_that_dies_at_any_request_leaves_the_old_or_the_new(
    name, after, machines, tmp_path
):
    operation = OPERATIONS[name]
    known = lived(machines(-1), operation, tmp_path)
    for step in range(200):
        opened = machines(step)
        operation.prepare(opened("one"))
        lake = opened("one")
        lake.objects.left, lake.objects.after = step, after
        try:
            operation.act(lake, tmp_path)
        except Killed:
            pass
        else:
            break  # it has fewer requests
        found = state(opened("two"))
        assert all(
            found.get(key) in {known.before.get(key), known.after.get(key)}
            for key in found | known.before | known.after
        )
        assert findings(opened("two")) <= known.wrong
        assert not known.damaged or contents(opened("two")) >= known.damaged
        operation.act(opened("one"), tmp_path)
        assert state(opened("two")) == known.after
        assert findings(opened("two")) == set()
    assert step > 3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["import", "repair"])
def test_behind_a_bad_network_an_operation_ends_as_ever(
    name, machines, moto, faulty, tmp_path, monkeypatch
):
    monkeypatch.setattr(patience, "_FIRST", 0.001)
    operation = OPERATIONS[name]
    known = lived(machines(-1), operation, tmp_path)
    proxy, url = faulty(moto), f"s3://{moto.bucket()}/lake"
    for seed in range(3):
        lakes = [Lake(Mirror(tmp_path / f"{seed}-{number}", f"{url}-{seed}")) for number in (0, 1)]
        operation.prepare(lakes[0])
        proxy.script = by_chance(seed, 0.3)
        operation.act(lakes[0], tmp_path)
        proxy.script = lambda _: PASS
        assert state(lakes[1]) == known.after
        assert findings(lakes[1]) == set()
        assert contents(lakes[1]) >= known.damaged


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
    assert [each.wait(PATIENCE) for each in both] == [0, 0]
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
    assert children[0].wait(PATIENCE) == -signal.SIGKILL
    children[0].stdout.close()
    lake = Lake(url)
    covered = lake.covered("KRW-BTC", "1m")
    assert all(FEBRUARY + each * MINUTE in covered for each in acknowledged)
    assert len(acknowledged) <= len(puts)
    assert lake.audit().is_empty()
    again = writer(url, 0, 5, tmp_path / "killed")
    assert again.wait(PATIENCE) == 0
    again.stdout.close()
    assert lake.covered("KRW-BTC", "1m") == Spans([(FEBRUARY, FEBRUARY + 10 * MINUTE)])
