"""The file of a budget: found by all, believed only when whole, and never worth an error."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from marketkit.clock import boot_id, machine_clock
from marketkit.disk import file_time
from marketkit.exchange.dialect import RateLimit
from marketkit.net.budget import foreign_traffic as foreign
from marketkit.net.budget import state as states
from marketkit.net.budget.file import BudgetFile, MemoryBudget
from marketkit.net.budget.state import State

LIMIT = RateLimit(10, 1.0)
NOW = 5000.0


def clock() -> float:
    """A clock that stands."""
    return NOW


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "budget" / "x.bin"


@pytest.fixture
def file(path: Path) -> Iterator[BudgetFile]:
    opened = BudgetFile(path, LIMIT, clock)
    yield opened
    opened.close()


def look(file: BudgetFile | MemoryBudget) -> State:
    return file.update(lambda state, _now: state)


def use(file: BudgetFile, **fields: float) -> None:
    def change(state: State, _now: float) -> None:
        for name, value in fields.items():
            setattr(state, name, value)

    file.update(change)


def make_old(path: Path) -> None:
    """Date a file back by a day and an hour."""
    moment = file_time(path.parent) - 90_000_000_000_000
    os.utime(path, ns=(moment, moment), follow_symlinks=False)


def is_unknown(state: State) -> bool:
    """The past is unknown: the machine is silent for one period."""
    return state == states.fresh(10, NOW, silent_until=NOW + 1.002)


def test_a_new_file_means_an_unknown_past(file):
    assert is_unknown(look(file))


def test_two_processes_see_each_others_changes(file, path):
    use(file, last_sent=NOW - 1, strikes=3)
    other = BudgetFile(path, LIMIT, clock)
    assert (look(other).last_sent, look(other).strikes) == (NOW - 1, 3)
    other.close()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"short",
        bytes(states.size(10)),
        random.Random(1).randbytes(states.size(10)),
        b"x" * 100_000,
    ],
    ids=["empty", "cut", "zeros", "random", "long"],
)
def test_a_damaged_file_means_an_unknown_past_and_is_made_whole(file, path, raw):
    use(file, last_sent=NOW - 1)
    path.write_bytes(raw)
    assert is_unknown(look(file))
    use(file, last_sent=NOW)
    assert look(file).last_sent == NOW


@pytest.mark.parametrize(
    "strange", [{"last_sent": NOW + 5}, {"last_sent": 1e12}, {"hold_until": 1e308}]
)
def test_the_times_of_another_clock_mean_an_unknown_past(file, strange):
    use(file, **strange)
    assert is_unknown(look(file))


def test_a_lane_that_would_be_busy_for_long_is_of_another_clock(file):
    file.update(lambda state, _now: setattr(state.lanes[0], "until", NOW + 120))
    assert is_unknown(look(file))


def test_of_two_that_take_turns_each_goes_on_from_the_other(file, path):
    other = BudgetFile(path, LIMIT, clock)
    for each in (file, other, file, file, other, other, file):
        each.update(lambda state, _now: setattr(state, "strikes", state.strikes + 1))
    assert look(other).strikes == look(file).strikes == 7
    other.close()


def test_a_removed_file_is_noticed_and_the_new_one_joined(file, path):
    use(file, last_sent=NOW - 1)
    path.unlink()
    other = BudgetFile(path, LIMIT, clock)
    assert is_unknown(look(file))
    use(file, strikes=2)
    assert look(other).strikes == 2
    other.close()


def test_a_lock_held_elsewhere_does_not_block(file, path):
    fcntl = pytest.importorskip("fcntl")
    use(file, strikes=1)
    with path.open("rb") as elsewhere:
        fcntl.flock(elsewhere, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError):
            look(file)
    assert look(file).strikes == 1


def test_a_failing_change_leaves_the_file_as_it_was_and_unlocked(file):
    use(file, strikes=1)

    def fail(state: State, _now: float) -> None:
        state.strikes = 9
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        file.update(fail)
    assert look(file).strikes == 1


def test_budgets_unused_for_a_day_are_swept_when_a_new_one_is_made(tmp_path):
    ours = states.to_bytes(states.fresh(30, NOW, NOW))
    old, young, other = (tmp_path / name for name in ("old.bin", "young.bin", "old.ban"))
    for each in (old, young, other):
        each.write_bytes(ours)
    for each in (old, other):
        make_old(each)
    BudgetFile(tmp_path / "new.bin", LIMIT, clock).close()
    assert {p.name for p in tmp_path.iterdir()} == {"young.bin", "old.ban", "new.bin"}


def test_only_files_with_a_state_of_ours_are_swept_and_no_links(tmp_path):
    folder = tmp_path / "budget"
    folder.mkdir()
    ours = states.to_bytes(states.fresh(10, NOW, NOW))
    (tmp_path / "elsewhere").write_bytes(ours)
    foreign = {"firmware.bin": b"MKB2 firmware", "empty.bin": b"", "cut.bin": ours[:-8]}
    for name, content in foreign.items():
        (folder / name).write_bytes(content)
    (folder / "link.bin").symlink_to(tmp_path / "elsewhere")
    (folder / "folder.bin").mkdir()
    for each in [*folder.iterdir(), tmp_path / "elsewhere"]:
        make_old(each)
    BudgetFile(folder / "new.bin", LIMIT, clock).close()
    kept = {*foreign, "link.bin", "folder.bin", "new.bin"}
    assert {each.name for each in folder.iterdir()} == kept
    assert (tmp_path / "elsewhere").read_bytes() == ours


@pytest.mark.parametrize("kind", ["link", "folder", "fifo"])
def test_what_lies_in_the_place_of_the_file_and_is_none_is_left_alone(tmp_path, kind):
    path, victim = tmp_path / "x.bin", tmp_path / "victim"
    victim.write_bytes(b"dear")
    make = {"link": lambda: path.symlink_to(victim), "folder": path.mkdir}
    make.get(kind, lambda: os.mkfifo(path))()
    with pytest.raises(OSError, match=r"x\.bin"):
        BudgetFile(path, LIMIT, clock)
    assert victim.read_bytes() == b"dear"


@pytest.mark.skipif(os.name == "nt", reason="modes are for systems that have them")
def test_every_user_of_the_machine_may_share_a_file_whatever_the_umask(tmp_path):
    before = os.umask(0o077)
    try:
        BudgetFile(tmp_path / "budget" / "x.bin", LIMIT, clock).close()
    finally:
        os.umask(before)
    assert (tmp_path / "budget" / "x.bin").stat().st_mode & 0o777 == 0o666
    assert (tmp_path / "budget").stat().st_mode & 0o777 == 0o777
    assert [path.name for path in (tmp_path / "budget").iterdir()] == ["x.bin"]


def test_a_folder_that_was_there_keeps_its_mode(tmp_path):
    before = tmp_path.stat().st_mode
    BudgetFile(tmp_path / "x.bin", LIMIT, clock).close()
    assert tmp_path.stat().st_mode == before


@pytest.mark.parametrize("requests", [1, 5, 10])
def test_memory_leaves_half_of_the_limit_to_others_and_never_less(requests):
    limit = RateLimit(requests, 1.0)
    memory = MemoryBudget(limit, clock)
    memory.update(lambda state, _now: setattr(state, "reserve", 0.0))
    capacity = memory.update(
        lambda state, now: (foreign.relax(state, limit, now), foreign.capacity(state, limit))[1]
    )
    assert capacity == max(1, requests // 2)


def test_memory_starts_with_an_unknown_past_and_remembers():
    memory = MemoryBudget(LIMIT, clock)
    assert look(memory).hold_until == NOW + 1.002
    memory.update(lambda state, _now: setattr(state, "strikes", 4))
    assert look(memory).strikes == 4


def test_the_clock_and_the_boot_are_the_machines():
    assert machine_clock()() <= machine_clock()()
    assert boot_id() == boot_id() != ""
