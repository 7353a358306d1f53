"""How often a store is asked again, and how long that takes at most."""

from __future__ import annotations

import pytest

from marketkit.data.lake.places import patience
from marketkit.data.lake.places.patience import Patience, patiently

BUSY = OSError("status code: 503")
AWAY = OSError("tcp connect error")
FINAL = OSError("status code: 403")


class PreconditionError(Exception):
    """Named as the library's."""


@pytest.fixture
def pauses(monkeypatch, with_own) -> list[float]:
    """The pauses, which are not waited for, and a draw that is always the longest."""
    taken: list[float] = []
    with_own(patience, patience.time, sleep=taken.append)
    with_own(patience, patience.random, random=lambda: 1.0)
    return taken


def test_work_that_fails_for_a_moment_succeeds(pauses):
    failures = [BUSY, AWAY, BUSY]

    def work() -> str:
        if failures:
            raise failures.pop()
        return "done"

    assert patiently(work) == "done"
    assert pauses == [0.1, 0.2, 0.4]


@pytest.mark.parametrize(("failure", "tries"), [(BUSY, 9), (AWAY, 4), (FINAL, 1)])
def test_a_failure_that_stays_is_raised_after_so_many_tries(pauses, failure, tries):
    done = []

    def work() -> None:
        done.append(1)
        raise failure

    with pytest.raises(OSError, match=str(failure)):
        patiently(work)
    assert len(done) == tries
    assert sum(pauses) < 12


def test_a_change_is_final_for_a_read_and_borne_by_a_put(pauses):
    changed = PreconditionError("status code: 412")

    def work() -> None:
        raise changed

    with pytest.raises(PreconditionError):
        patiently(work)
    assert pauses == []
    waited = Patience()
    assert [waited.bears(changed) for _ in range(4)] == [True, True, True, False]


def test_after_a_minute_nothing_is_begun_again(pauses, with_own):
    moments = iter([0.0, 30.0, 61.0])
    with_own(patience, patience.time, sleep=pauses.append, monotonic=lambda: next(moments))
    waited = Patience()
    assert waited.bears(BUSY)
    assert not waited.bears(BUSY)
