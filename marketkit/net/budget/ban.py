"""Remember a ban (418) in wall-clock time, across processes and reboots."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import NamedTuple

from marketkit.disk import write_atomic
from marketkit.errors import Banned

LONGEST = 86_400.0  # no stated time is believed beyond a day: clocks jump and headers lie
FIRST = 60.0  # where the exchange does not say how long
REPEAT = 3_600.0  # a ban this soon after the last one is a repeat, and lasts twice as long

_LARGEST = 100  # bytes of the file; two numbers are some thirty
_SLACK = 3_600.0  # seconds by which clocks of this machine and of its file system may differ


class Sentence(NamedTuple):
    """A ban that holds until `until` (seconds since 1970) and was `length` seconds long."""

    until: float
    length: float


class Ban:
    """The ban of one host, in a small text file that names no boot: deleted, the ban is lifted."""

    def __init__(self, path: Path, *, host: str) -> None:
        self._path = path
        self._host = host
        self._own = Sentence(0.0, 0.0)

    def check(self) -> None:
        """Raise `Banned`, naming the local time, while the ban holds."""
        now = _now()
        until = min(self._latest().until, now + LONGEST)
        if until > now:
            clock = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(until))
            raise Banned(
                f"{self._host} blocks this address (418): nothing is sent to it before {clock}; "
                f"a ban grows with every request, {self._path} remembers it"
            )

    def impose(self, seconds: float | None) -> None:
        """Hold from now for `seconds`; where the exchange did not say, longer every time."""
        last, now = self._latest(), _now()
        again = last.length * 2 if now < last.until + REPEAT else 0.0
        length = min(seconds or max(FIRST, again), LONGEST)
        self._own = Sentence(max(last.until, now + length), length)
        with contextlib.suppress(OSError):  # the other processes will meet their own 418
            self._write(self._own)

    def _latest(self) -> Sentence:
        return max(self._own, self._read())

    def _read(self) -> Sentence:
        """Read the file of all processes; one that none of ours can have written has no ban."""
        try:
            if not self._path.is_file():  # to open a pipe would be to wait for its writer
                return Sentence(0.0, 0.0)
            with self._path.open("rb") as file:
                line, written = file.read(_LARGEST + 1), os.fstat(file.fileno()).st_mtime_ns / 1e9
            until, length = map(float, line.decode("ascii").split())
        except (OSError, ValueError):
            return Sentence(0.0, 0.0)
        ours = 0 <= length <= LONGEST and 0 <= until <= written + LONGEST + _SLACK
        return Sentence(until, length) if ours and len(line) <= _LARGEST else Sentence(0.0, 0.0)

    def _write(self, sentence: Sentence) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        line = f"{sentence.until:.3f} {sentence.length:.3f}\n"
        write_atomic(self._path, lambda file: file.write(line.encode("ascii")))


def _now() -> float:
    # machine's clock: a ban outlasts the process and the boot, and who is banned may ask nobody
    return time.time()
