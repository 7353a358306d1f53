"""The files of a recording, damaged: see `fuzzing`; `unsealed` is as earlier releases wrote."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.errors import MarketkitError
from marketkit.recording import damage, files, journal, mending, seal
from marketkit.recording.journal import Note
from marketkit.recording.layout import hour_of
from marketkit.recording.reader import read_interruptions, read_recording
from marketkit.recording.recovery import recover
from marketkit.recording.rows import Heard, to_frame
from marketkit.recording.tape import RecordedTape
from marketkit.timeframe import HOUR
from tests.hostile import fuzzing
from tests.unit.recording.conftest import START, heard_of_each_kind, trade

STREAMS = {"trade": ["KRW-BTC", "KRW-ETH"], "orderbook": ["KRW-BTC", "KRW-ETH"]}
END = START + 2 * HOUR
WINDOW = Span(START - HOUR, END)
UNKNOWN = 1 << 60  # the end of an interruption that lasts


def as_before() -> None:
    """Write as earlier releases did: parts without a word, hours that name their parts."""
    seal.blank = lambda parts=(), **_: {seal.KEY: f'{{"parts": {list(parts)}}}'.replace("'", '"')}
    seal.put = lambda _path, _place: None


def make_recording(root: Path) -> None:
    """Make a recording with an hour that is over, parts, a part that is in its hour, half a file."""
    root.mkdir()
    began = Note("began", START, streams=STREAMS)
    journal.write(root, [began, Note("interrupted", START, START, "nothing had come yet")])
    hours = [hour_of("trade", START + number * HOUR) for number in range(2)]
    for number, hour in enumerate(hours):
        for part in range(2):
            at = hour.start + part * 1000
            heard = [Heard(at + each, trade(number * 100 + part * 10 + each)) for each in range(8)]
            files.write_part(root, hour, part, to_frame("trade", heard))
    again = (root / hours[0].folder / hours[0].part(1)).read_bytes()
    files.compact(root, hours[0])
    (root / hours[0].folder / hours[0].part(1)).write_bytes(again)  # a kill came before the end
    (root / hours[1].folder / f"{hours[1].part(0)}.1.ab.tmp").write_bytes(again[:100])
    book = hour_of("orderbook", START)
    files.write_part(root, book, 0, to_frame("orderbook", heard_of_each_kind()["orderbook"]))
    torn = Note("interrupted", START + 2000, START + 1500, "torn", {"trade": ["KRW-ETH"]})
    lost = Note("interrupted", START + 4000, START + 3000, "lost")
    resumed = [Note("resumed", START + at) for at in (1, 2000, 5000)]
    journal.write(root, [resumed[0], torn, resumed[1], lost, resumed[2]])
    journal.write(root, [Note("ended", END)])


class DamagedRecording:
    """A recording in which something is damaged, beside files of somebody else."""

    def __init__(self, folder: Path, how: str) -> None:
        if how == "unsealed":
            as_before()
        self.root = folder / "all"
        self.root.mkdir()
        self._own = self.root / "recording"
        make_recording(self._own)
        self.files = sorted(each for each in self._own.rglob("*") if each.is_file())
        self._journal = self._own / "journal.jsonl"
        self._notes = self._journal.read_bytes()
        self._true = {name: read_recording(self._own, name) for name in STREAMS}
        self._holes = self._told()
        for name in ("thesis.tex", "05.parquet", "journal.jsonl"):
            (self.root / name).write_bytes(b"dear")

    def wrongs(self, spoilt: list[Path], random_: random.Random, _number: int) -> Iterator[str]:
        """Read and play, then go on with the recording or mend it, and read again."""
        damage._known.clear()  # each case stands for a new process
        yield from self._read("before", known=bool(mending.look(self._own)))
        if self._journal in spoilt and not self._is_cut():
            yield from self._tried("holes", self._compare_holes)
        asked: dict[str, Callable[[], Any]] = {"holes": self._told}
        if random_.randrange(8) == 0:
            asked["play"] = self._play
        write = random_.choice(["recover", "mend", "mend and recover", *["nothing"] * 4])
        if "mend" in write:
            asked["mend"] = lambda: mending.mend(self._own)
        if "recover" in write:
            asked["recover"] = self._start_again
        for name, run in asked.items():
            yield from self._tried(name, run)
        if write == "nothing":
            return
        known = any(each.finding == "unsealed" for each in mending.look(self._own))
        yield from self._read(f"after {write}", known=known)
        left = [each for each in mending.look(self._own) if each.action != "left"]
        if left and write != "recover":
            yield f"{write} left {left[0]}"
        if any(path.read_bytes() != b"dear" for path in self._neighbours()):
            yield "a file of somebody else is another one"

    def _neighbours(self) -> list[Path]:
        return [self.root / name for name in ("thesis.tex", "05.parquet", "journal.jsonl")]

    def _tried(self, name: str, run: Callable[[], Any]) -> Iterator[str]:
        try:
            run()
        except MarketkitError:
            pass
        except BaseException as error:  # noqa: BLE001 - a panic is no Exception
            yield f"{name}: {error!r}"[:300]

    def _told(self) -> list[tuple[int, int]]:
        rows = read_interruptions(self._own).select(pl.col("start", "end").dt.epoch("ms")).rows()
        return [(start, UNKNOWN if end is None else end) for start, end in rows]

    def _start_again(self) -> None:
        """Do with the files as a recorder does before it listens."""
        recover(self._own)
        journal.write(self._own, [Note("began", END + HOUR, streams=STREAMS)])

    def _is_cut(self) -> bool:
        """Say whether the journal's lines end early or are of other files: nothing can tell."""
        content = self._journal.read_bytes()
        return self._notes.startswith(content) or not content.startswith(b'{"what": "began"')

    def _compare_holes(self) -> None:
        found = self._told()
        for start, end in self._holes:
            if Spans([(start, end)]) - Spans(found):
                raise AssertionError(f"the interruption {start} to {end} is not in {found}")

    def _play(self) -> None:
        wanted = {channel: set(symbols) for channel, symbols in STREAMS.items()}
        list(RecordedTape(self._own, WINDOW).play(wanted))

    def _read(self, when: str, *, known: bool) -> Iterator[str]:
        """Read every channel; rows that are wrong, or missing, must have a name somewhere."""
        for channel, true in self._true.items():
            try:
                with warnings.catch_warnings(record=True) as warned:
                    warnings.simplefilter("always")
                    got = read_recording(self._own, channel)
            except MarketkitError:
                continue
            except BaseException as error:  # noqa: BLE001 - as above
                yield f"{when}: read: {error!r}"[:300]
                continue
            if got.equals(true):
                continue
            were, are = set(true.rows()), set(got.rows())
            if are - were and not known:
                yield f"{when}: {channel}: {len(are - were)} wrong rows that nothing names"
            if not (warned or known):
                yield from self._missing(when, true, got)

    def _missing(self, when: str, true: pl.DataFrame, got: pl.DataFrame) -> Iterator[str]:
        lacks = (
            true.join(got, on=["symbol", "received", "sent"], how="anti")
            if ("sent" in true.columns)
            else true.join(got, on=["symbol", "received"], how="anti")
        )
        try:
            holes = self._told()
        except MarketkitError:
            return
        times = set(lacks["received"].dt.epoch("ms"))
        untold = [at for at in times if not any(start <= at <= end for start, end in holes)]
        if untold:
            yield f"{when}: {len(untold)} messages are missing, and nothing says so"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    fuzzing.main(DamagedRecording)
