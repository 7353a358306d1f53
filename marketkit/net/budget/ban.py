"""Remember a ban (418) across processes and reboots, whatever is done to the clock meanwhile."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import NamedTuple

from marketkit.clock import age_clock, boot_id
from marketkit.disk import write_atomic
from marketkit.errors import Banned

LONGEST = 86_400.0  # no stated time is believed beyond a day: clocks jump and headers lie
FIRST = 60.0  # where the exchange does not say how long
_SAME = 0.01  # seconds; both files have three decimals of them
_DIGITS = 16  # of milliseconds since the boot: more than machines last
REPEAT = 3_600.0  # a ban this soon after the last one is a repeat, and lasts twice as long


class Sentence(NamedTuple):
    """A ban that holds until `until` (seconds since 1970) and was `length` seconds long."""

    until: float
    length: float


class Ban:
    """The ban of one host, in a small text file that names no boot: deleted, the ban is lifted.

    Beside it a file of this boot says when the ban ends by the clock for ages, which nobody sets:
    where that speaks of the same ban, it decides how much is left.
    """

    def __init__(self, path: Path, *, host: str) -> None:
        self._path = path
        self._ages_path = path.with_name(f"{path.name}-{boot_id()}")
        self._host = host
        self._own = Sentence(0.0, 0.0)
        self._ends: dict[Sentence, int] = {}  # of our last, by the clock for ages in ms

    def check(self) -> None:
        """Raise `Banned`, naming the local time, while the ban holds."""
        left = self._left(self._latest())
        if left > 0:
            until = time.localtime(_now() + min(left, LONGEST))
            clock = time.strftime("%Y-%m-%d %H:%M:%S %Z", until)
            raise Banned(
                f"{self._host} blocks this address (418): nothing is sent to it before {clock}; "
                f"a ban grows with every request, {self._path} remembers it"
            )

    def impose(self, seconds: float | None) -> None:
        """Hold from now for `seconds`; where the exchange did not say, longer every time."""
        last = self._latest()
        left = self._left(last)
        again = last.length * 2 if left > -REPEAT else 0.0
        length = min(seconds or max(FIRST, again), LONGEST)
        hold = max(min(left, LONGEST), length)
        self._own = Sentence(_now() + hold, length)
        self._ends = {self._own: age_clock() + int(hold * 1000)}
        with contextlib.suppress(OSError):  # the other processes will meet their own 418
            self._write(self._own)

    def _left(self, sentence: Sentence) -> float:
        """Give the seconds that are left of a ban, negative once it is over."""
        end = self._ends.get(sentence) or self._read_end(sentence)
        return sentence.until - _now() if end is None else (end - age_clock()) / 1000

    def _read_end(self, sentence: Sentence) -> int | None:
        """Give the end by the clock for ages, if this boot has one of this very ban."""
        try:
            until, end = self._ages_path.read_text(encoding="ascii").split()
            is_same = abs(float(until) - sentence.until) < _SAME
            return int(end[:_DIGITS]) if is_same else None
        except (OSError, ValueError):
            return None

    def _latest(self) -> Sentence:
        return max(self._own, self._read())

    def _read(self) -> Sentence:
        try:
            until, length = map(float, self._path.read_text(encoding="ascii").split())
        except (OSError, ValueError):
            return Sentence(0.0, 0.0)
        return Sentence(until, length)

    def _write(self, sentence: Sentence) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        line = f"{sentence.until:.3f} {sentence.length:.3f}\n"
        write_atomic(self._path, lambda file: file.write(line.encode("ascii")))
        ages = f"{sentence.until:.3f} {self._ends[sentence]}\n"
        write_atomic(self._ages_path, lambda file: file.write(ages.encode("ascii")))


def _now() -> float:
    # machine's clock: a ban outlasts the process and the boot, and who is banned may ask nobody
    return time.time()
