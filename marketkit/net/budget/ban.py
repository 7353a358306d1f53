"""Remember a ban (418) across processes, reboots and steps of the clock."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import BinaryIO, NamedTuple

from marketkit.clock import age_clock, boot_id
from marketkit.disk import file_time, make_folder, write_atomic
from marketkit.errors import Banned

LONGEST = 86_400.0  # no stated time is believed beyond a day: clocks jump and headers lie
FIRST = 60.0  # where the exchange does not say how long
_SAME = 0.01  # seconds; both files have three decimals of them
_DIGITS = 16  # of milliseconds since the boot: more than machines last
REPEAT = 3_600.0  # a ban this soon after the last one is a repeat, and lasts twice as long

_LARGEST = 100  # bytes of the file; two numbers are some thirty
_MOST = LONGEST + 3_600.0  # seconds from the writing to the end, with some for slow writers


class Sentence(NamedTuple):
    """A ban that holds until `until` (seconds since 1970) and was `length` seconds long."""

    until: float
    length: float


class Ban:
    """The ban of one host, in a small text file that names no boot: deleted, the ban is lifted.

    Beside it a file of this boot says when the ban ends by the clock for ages, which nobody sets:
    where that speaks of the same ban, it decides how much is left.
    """

    def __init__(self, path: Path, *, host: str, reason: str = "blocks this address (418)") -> None:
        self._path = path
        self._ages_path = path.with_name(f"{path.name}-{boot_id()}")
        self._host = host
        self._reason = reason
        self._own = Sentence(0.0, 0.0)
        self._ends: dict[Sentence, int] = {}  # of our last, by the clock for ages in ms

    def check(self) -> None:
        """Raise `Banned`, naming the local time, while the ban holds."""
        left = self._left(self._latest())
        if left > 0:
            raise Banned(
                f"{self._host} {self._reason}: nothing is sent to it before "
                f"{_clock_in(min(left, LONGEST))}; "
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
        """Give the seconds that are left of a ban, negative once that is over."""
        end = self._ends.get(sentence) or self._read_end(sentence)
        return sentence.until - _now() if end is None else (end - age_clock()) / 1000

    def _read_end(self, sentence: Sentence) -> int | None:
        """Give the end by the clock for ages, if this boot has one of this very ban."""
        try:
            (until, end), _ = _read_words(self._ages_path)
            is_same = abs(float(until) - sentence.until) < _SAME
            return int(end[:_DIGITS]) if is_same else None
        except (OSError, ValueError):
            return None

    def _latest(self) -> Sentence:
        return max(self._own, self._read())

    def _read(self) -> Sentence:
        """Read the file of all processes; one that none of ours can have written has no ban."""
        try:
            words, written = _read_words(self._path)
            until, length = map(float, words)
        except (OSError, ValueError):
            return Sentence(0.0, 0.0)
        ours = 0 <= length <= LONGEST and until >= 0
        if ours and (until <= written + _MOST or until <= self._written(written) + _MOST):
            return Sentence(until, length)
        return Sentence(0.0, 0.0)

    def _written(self, written: float) -> float:
        """Give the time of writing by this machine's clock: a file system may have another."""
        try:
            return _now() - (file_time(self._path.parent) / 1e9 - written)
        except OSError:
            return written

    def _write(self, sentence: Sentence) -> None:
        make_folder(self._path.parent)
        _write_line(self._path, f"{sentence.until:.3f} {sentence.length:.3f}\n")
        _write_line(self._ages_path, f"{sentence.until:.3f} {self._ends[sentence]}\n")


def held(name: str, path: Path, seconds: float) -> Banned:
    """Give the error of a group that is told by a 429 to be silent for so many seconds more."""
    return Banned(
        f"{name} asks for silence (429 with Retry-After): nothing is sent to it before "
        f"{_clock_in(seconds)}; {path} remembers it"
    )


def _read_words(path: Path) -> tuple[list[str], float]:
    """Read a small file and the time of writing. Raises `OSError`, or `ValueError` for others."""
    if not path.is_file():  # to open a pipe would be to wait for its writer
        raise FileNotFoundError(path)
    with path.open("rb") as file:
        line, written = file.read(_LARGEST + 1), os.fstat(file.fileno()).st_mtime_ns
    if len(line) > _LARGEST:
        raise ValueError(f"{path} is longer than {_LARGEST} bytes")
    return line.decode("ascii").split(), written / 1e9


def _write_line(path: Path, line: str) -> None:
    def fill(file: BinaryIO) -> None:
        Path(file.name).chmod(0o666)  # for all users: a ban is of the address
        file.write(line.encode("ascii"))

    write_atomic(path, fill)


def _clock_in(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(_now() + seconds))


def _now() -> float:
    # machine's clock: a ban outlasts the process and the boot, and who is banned may ask nobody
    return time.time()
