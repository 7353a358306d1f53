"""A ban is remembered by every process, across reboots and steps of the clock."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from marketkit.errors import Banned
from marketkit.net.budget import ban as module
from marketkit.net.budget.ban import Ban


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "budget" / "api.upbit.com.ban"


def remembered(path: Path) -> float:
    """The seconds that the file says are left."""
    return float(path.read_text().split()[0]) - time.time()


def test_without_a_ban_nothing_is_raised(path):
    Ban(path, host="api.upbit.com").check()


def test_a_ban_names_the_local_time_until_which_it_holds(path):
    ban = Ban(path, host="api.upbit.com")
    ban.impose(3600)
    local = time.strftime("%Y-%m-%d", time.localtime(time.time() + 3600))
    with pytest.raises(Banned, match=f"api.upbit.com blocks this address.*{local}"):
        ban.check()


def test_another_process_and_another_boot_find_the_ban(path):
    Ban(path, host="api.upbit.com").impose(600)
    with pytest.raises(Banned):
        Ban(path, host="api.upbit.com").check()


def test_a_ban_ends(path):
    ban = Ban(path, host="api.upbit.com")
    ban.impose(0.000_1)
    while remembered(path) > 0:
        pass
    ban.check()


def test_an_unstated_ban_is_longer_every_time(path):
    for expected in (60, 120, 240):
        Ban(path, host="api.upbit.com").impose(None)
        assert remembered(path) == pytest.approx(expected, abs=5)


def test_no_ban_is_believed_for_more_than_a_day(path):
    path.parent.mkdir()
    path.write_text(f"{time.time() + 1e5} 86400\n")
    Ban(path, host="api.upbit.com").impose(1e9)
    with pytest.raises(Banned) as caught:
        Ban(path, host="api.upbit.com").check()
    years = {time.localtime().tm_year, time.localtime(time.time() + 86_400).tm_year}
    assert any(str(year) in str(caught.value) for year in years)


STRANGE = ["", "soon", "1 2 3", "\x00\xff", "nan nan", "inf 60", "1e12 60", "60 inf", "9 " * 10**6]


@pytest.mark.parametrize("text", STRANGE, ids=range(len(STRANGE)))
def test_an_unreadable_file_is_no_ban(path, text):
    path.parent.mkdir()
    path.write_text(text)
    Ban(path, host="api.upbit.com").check()


def test_a_removed_file_lifts_the_ban_for_new_processes(path):
    Ban(path, host="api.upbit.com").impose(600)
    path.unlink()
    Ban(path, host="api.upbit.com").check()


def test_a_ban_holds_in_its_process_where_nothing_can_be_written():
    ban = Ban(Path("/dev/null/nowhere/x.ban"), host="api.upbit.com")
    ban.impose(600)
    with pytest.raises(Banned):
        ban.check()


def test_a_pipe_in_the_place_of_the_file_is_no_ban(path):
    path.parent.mkdir()
    os.mkfifo(path)
    Ban(path, host="api.upbit.com").check()


@pytest.mark.parametrize("step", [-7200, 7200])
@pytest.mark.parametrize("another", [False, True])
def test_a_step_of_the_clock_neither_lengthens_nor_lifts_a_ban(path, monkeypatch, step, another):
    ban, ages, now = Ban(path, host="api.upbit.com"), [0], time.time()
    monkeypatch.setattr(module, "age_clock", lambda: ages[0])
    ban.impose(600)
    monkeypatch.setattr(module, "_now", lambda: now + step)
    if another:
        ban = Ban(path, host="api.upbit.com")
    ages[0] += 599_000
    with pytest.raises(Banned):
        ban.check()
    ages[0] += 2000
    ban.check()


def test_after_a_boot_the_clock_of_the_day_decides(path, monkeypatch):
    Ban(path, host="api.upbit.com").impose(600)
    monkeypatch.setattr(module, "boot_id", lambda: "another")
    monkeypatch.setattr(module, "age_clock", lambda: 10**9)
    later = Ban(path, host="api.upbit.com")
    with pytest.raises(Banned):
        later.check()
    now = time.time()
    monkeypatch.setattr(module, "_now", lambda: now + 601)
    later.check()


@pytest.mark.parametrize("text", ["", "soon", "1", "9" * 5000, "1 2 3"])
def test_an_unreadable_file_of_ages_leaves_the_clock_of_the_day(path, text):
    ban = Ban(path, host="api.upbit.com")
    ban.impose(600)
    next(path.parent.glob("*.ban-*")).write_text(text)
    with pytest.raises(Banned):
        Ban(path, host="api.upbit.com").check()
