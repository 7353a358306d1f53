"""The shared state of a group, as one process holds it."""

from __future__ import annotations

import pytest

from marketkit.clock import boot_id
from marketkit.exchange.dialect import RateLimit
from marketkit.net.budget import file as files
from marketkit.net.budget.shared import LOCK_STUCK, SharedState, path_of

LIMIT = RateLimit(10, 1.0)


@pytest.fixture
def shared(tmp_path):
    state = SharedState(path_of(tmp_path, "host-group", LIMIT), LIMIT, lambda: 1000.0)
    yield state
    state.close()


def test_only_an_unusual_limit_is_part_of_the_name(tmp_path):
    assert path_of(tmp_path, "a", LIMIT).name == f"a-{boot_id()}.bin"
    assert path_of(tmp_path, "a", RateLimit(5, 0.5)).name == f"a-5per0.5s-{boot_id()}.bin"


def test_changes_are_applied_before_the_next_update_and_once(shared):
    order = []
    shared.put_off(lambda state: order.append(("first", state.strikes)))
    shared.put_off(lambda _: order.append(("second", None)))
    assert shared.is_behind
    assert not shared.is_open
    assert shared.update(lambda _, now: order.append(("update", now)) or now) == 1000.0
    shared.flush()
    assert order == [("first", 0.0), ("second", None), ("update", 1000.0)]
    assert shared.is_open
    assert not shared.is_behind


def test_two_holders_of_a_file_see_each_others_changes(shared):
    other = SharedState(shared.path, LIMIT, lambda: 1000.5)
    shared.update(lambda state, _: setattr(state, "strikes", 3.0))
    assert other.update(lambda state, _: state.strikes) == 3.0
    other.close()


def test_a_state_is_opened_again_after_closing(shared):
    shared.update(lambda state, _: setattr(state, "strikes", 3.0))
    shared.close()
    assert not shared.is_open
    assert shared.update(lambda state, _: state.strikes) == 3.0


def test_while_another_is_at_it_changes_wait(shared, monkeypatch):
    shared.flush()

    def busy(_: int) -> None:
        raise BlockingIOError

    monkeypatch.setattr(files, "lock", busy)
    applied = []
    shared.put_off(lambda _: applied.append(1))
    shared.flush()
    with pytest.raises(BlockingIOError):
        shared.update(lambda _, now: now)
    assert applied == []
    monkeypatch.undo()
    shared.flush()
    assert applied == [1]


@pytest.fixture
def ticking(tmp_path):
    """A state on a clock that stands until it is set, and the clock."""
    now = [1000.0]
    state = SharedState(path_of(tmp_path, "host-group", LIMIT), LIMIT, lambda: now[0])
    yield state, now
    state.close()


def test_a_file_that_is_locked_at_every_look_is_left_behind(ticking, caplog):
    fcntl = pytest.importorskip("fcntl")
    state, now = ticking
    state.update(lambda state, _: setattr(state, "strikes", 3.0))
    with state.path.open("rb") as stopped:
        fcntl.flock(stopped, fcntl.LOCK_EX)
        while "has held" not in caplog.text:
            with pytest.raises(BlockingIOError):
                state.update(lambda _, now: now)
            now[0] += 0.5
        assert now[0] > 1000.0 + LOCK_STUCK
        strikes, until = state.update(lambda state, _: (state.strikes, state.hold_until))
    assert strikes == 0.0
    assert until > now[0] + LIMIT.seconds  # nobody knows what was sent meanwhile
    assert caplog.text.count("has held") == 1


@pytest.mark.parametrize("pause", ["a look that succeeds", "a time without a look"])
def test_locks_of_several_waits_are_not_added_up(ticking, caplog, pause):
    fcntl = pytest.importorskip("fcntl")
    state, now = ticking
    state.flush()
    for _ in range(40):
        with state.path.open("rb") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            with pytest.raises(BlockingIOError):
                state.update(lambda _, now: now)
        if pause.startswith("a look"):
            state.flush()
        now[0] += 0.5 if pause.startswith("a look") else 1.5
    assert not caplog.text


def test_where_no_file_can_be_had_a_process_paces_itself_alone_and_says_so_once(tmp_path):
    (tmp_path / "file").write_text("no folder")
    one, two = (
        SharedState(path_of(tmp_path / "file", name, LIMIT), LIMIT, lambda: 1000.0)
        for name in ("a", "b")
    )
    with pytest.warns(UserWarning, match="paces itself alone, at half") as said:
        one.update(lambda state, _: setattr(state, "strikes", 3.0))
    two.flush()  # a second warning would be an error
    assert str(tmp_path / "file") in str(said[0].message)
    assert one.update(lambda state, _: state.strikes) == 3.0


def test_a_past_is_unknown_until_there_is_a_file(shared):
    assert shared.is_new
    shared.flush()
    assert not shared.is_new
    shared.close()
    assert not shared.is_new
