"""The listener that puts messages of streams on disk. Use on the engine's loop."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from filelock import FileLock, Timeout

from marketkit.disk import make_folder
from marketkit.errors import LakeError, MarketkitError, NetworkError, NotWritable
from marketkit.exchange.upbit.messages import Message
from marketkit.net.engine import end_task
from marketkit.net.handle import Interruption
from marketkit.realtime.dispatcher import Dispatcher
from marketkit.realtime.subscriptions import Stream, by_channel
from marketkit.recording import files, journal
from marketkit.recording.holes import Holes, opening
from marketkit.recording.journal import Note, What
from marketkit.recording.layout import LOCK, Hour, channel_folder, hour_of
from marketkit.recording.recovery import notes_of, recover
from marketkit.recording.rows import Waiting, pack, to_frame
from marketkit.timeframe import HOUR

FLUSH_AFTER = 5.0  # seconds that a kill may take; parts of less would be too many files
FLUSH_AT = 20_000  # messages that a kill may take, however many come
HELD = 500_000  # messages for a disk that takes none: of books of thirty levels a gigabyte
_ERRORS_KEPT = 100  # a disk that is full says so every five seconds

_log = logging.getLogger("marketkit.recording")


class Recorder:
    """The listener of a recording, and the task that writes.

    What a kill can take is what has not been written: the messages of the last `FLUSH_AFTER`
    seconds and of the write at work, or the last `FLUSH_AT` if that many come sooner.
    """

    def __init__(self, client: Dispatcher, streams: Iterable[Stream], root: Path) -> None:
        self.root = root
        self.streams = list(streams)
        self.channels = tuple(sorted({stream.channel for stream in self.streams}))
        self.counts: Counter[str] = Counter()
        self.lost = 0
        self.errors: deque[Exception] = deque(maxlen=_ERRORS_KEPT)
        self.unheard: NetworkError | None = None  # why nothing came at all, from the end on
        self._ended: Exception | None = None
        self._client = client
        self._lock = FileLock(root / LOCK, timeout=0, thread_local=False)
        self._waiting: dict[str, list[Waiting]] = {}
        self._size = 0
        self._latest = 0
        self._part = 0
        self._notes: list[Note] = []
        self._holes = Holes(self._note, lambda: self.streams)
        self._full = asyncio.Event()
        self._hours: set[Hour] = set()  # those with parts
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take the folder and listen. Raises `NotWritable`, `LakeError` if another one records."""
        wanted = by_channel(self.streams)
        now = self._client.clock()
        await asyncio.to_thread(self._take, [Note("began", now, streams=wanted), opening(now)])
        self._holes.begin(now)
        self._client.subscribe(self, self.streams)
        self._begin_with_known(self.streams)
        self._task = asyncio.get_running_loop().create_task(self._run())

    @property
    def failure(self) -> Exception | None:
        """The exception that ended the recording, or why the stream has not begun."""
        return self._ended or (None if self._task is None else self._client.unopened)

    @property
    def interruptions(self) -> list[Interruption]:
        """The interruptions so far; an opening of a few seconds is in the journal alone."""
        return self._holes.known

    @property
    def symbols(self) -> tuple[str, ...]:
        """The markets that are recorded."""
        return tuple(sorted({stream.symbol for stream in self.streams}))

    def join(self, symbols: Sequence[str]) -> None:
        """Record more markets."""
        joined = [Stream(each, symbol) for each in self.channels for symbol in symbols]
        self.streams += joined
        self._note_streams("joined", joined)
        for symbol in symbols:
            self._holes.joined(symbol, self._now())
        self._client.subscribe(self, joined)
        self._begin_with_known(joined)

    def leave(self, symbol: str, why: str) -> None:
        """Let a market go that has ended."""
        self._holes.mend(symbol, self._now())
        left = [stream for stream in self.streams if stream.symbol == symbol]
        self._client.release(self, left)
        self.streams = [stream for stream in self.streams if stream.symbol != symbol]
        now = self._now()
        self._holes.add(Interruption(now, now, why, closed=now))
        self._note_streams("left", left)

    async def end(self, failure: MarketkitError) -> None:
        """End for lack of markets; messages in hand are written at `close`."""
        self._ended = failure

    def _note(self, note: Note) -> None:
        self._notes.append(note)

    def _note_streams(self, what: What, streams: Iterable[Stream]) -> None:
        self._note(Note(what, self._now(), streams=by_channel(streams)))

    def _begin_with_known(self, streams: Iterable[Stream]) -> None:
        """Take the state of streams with other listeners: no snapshot comes again for us."""
        if self._client.connected:
            for stream in streams:
                for message in self._client.channel(stream.channel).known([stream.symbol])[-1:]:
                    known: Any = message
                    self.receive(msgspec.structs.replace(known, stream="SNAPSHOT"))

    def receive(self, message: Message) -> None:
        """Take a message."""
        # Nothing comes before it was sent, or before what came before: then our idea of the
        # exchange's clock is old, or was set back.
        now = self._latest = max(self._client.clock(), message.sent, self._latest)
        self._holes.heard(Stream(message.channel, message.symbol), now)
        self._waiting.setdefault(message.channel, []).append(pack(now, message))
        self.counts[message.channel] += 1
        self._size += 1
        if self._size >= FLUSH_AT:
            self._full.set()

    def unopened(self, why: NetworkError) -> None:
        """Learn of no connection: attempts go on as long as the recording lasts."""

    def interrupted(self, until: int, reason: str, symbol: str | None = None) -> None:
        """Note that messages may be missing: of all symbols, or of one until the next message."""
        if symbol is None:
            self._holes.broke(until, reason, self._now())
        else:
            self._holes.tore(symbol, until, reason)

    def _now(self) -> int:
        """Give the time in the order of messages, even if the clock was set back since."""
        return max(self._client.clock(), self._latest)

    async def close(self) -> None:
        """Let go of the streams and write the held messages; raises the disk's failure."""
        if not self.counts:
            self.unheard = self._client.opening or NetworkError("nothing has come")
        self._client.release(self, self.streams)
        task, self._task = self._task, None
        if task is None:
            return
        await end_task(task)
        self._holes.end(self._now())
        try:
            failure = await self._flush(everything=True)
        finally:
            self._lock.release()
        if failure is not None:
            self._ended = failure
            raise failure

    async def _run(self) -> None:
        try:
            await self._write_on()
        except Exception as error:  # noqa: BLE001 - whoever holds the recording is told
            _log.exception("the recording %s has ended", self.root)
            self._ended = error
            self._client.release(self, self.streams)

    async def _write_on(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_AFTER):
                    await self._full.wait()
            self._full.clear()
            # A cancellation must not leave a write half counted.
            writing = asyncio.ensure_future(self._flush())
            try:
                await asyncio.shield(writing)
            except asyncio.CancelledError:
                await writing
                raise

    async def _flush(self, *, everything: bool = False) -> Exception | None:
        """Write the waiting messages; where the disk refuses, all wait on. Gives the reason."""
        waiting, self._waiting, self._size = self._waiting, {}, 0
        notes, self._notes = self._notes, []
        now, failure = self._client.clock(), None
        try:
            await asyncio.to_thread(self._write, waiting, notes)
            await asyncio.to_thread(self._compact, now, everything=everything)
        except (OSError, LakeError) as error:
            failure = self._failed(error)
        self._hold(waiting, notes)
        return failure

    def _write(self, waiting: dict[str, list[Waiting]], notes: list[Note]) -> None:
        """Write notes and then messages, taking away the written ones.

        A message never stands there without the interruption before it, nor an end without them.
        """
        ended = [note for note in notes if note.what == "ended"]
        journal.write(self.root, [note for note in notes if note.what != "ended"])
        notes[:] = ended
        for hour, several in _by_hour(waiting):
            rows = to_frame(hour.channel, several)
            files.write_part(self.root, hour, self._next_part(), rows)
            self._hours.add(hour)
            waiting[hour.channel] = waiting[hour.channel][len(several) :]
        waiting.clear()
        journal.write(self.root, notes)
        notes.clear()

    def _next_part(self) -> int:
        """Give a number above all before: parts are in the order of their names."""
        # machine's clock: a number that no recorder before had; the order does not hang on it
        self._part = max(self._part + 1, time.time_ns())
        return self._part

    def _compact(self, now: int, *, everything: bool) -> None:
        """Make the parts of hours that are over one file each."""
        for hour in sorted(self._hours):
            if everything or hour.span.end <= now - 1000 * FLUSH_AFTER:
                journal.write(self.root, notes_of(files.compact(self.root, hour)))
                self._hours.discard(hour)

    def _failed(self, error: Exception) -> Exception:
        _log.warning("%s takes no messages, they are kept until it does: %s", self.root, error)
        failure = NotWritable(f"the recording {self.root} cannot be written: {error}")
        failure.__cause__ = error
        self.errors.append(failure)
        return failure

    def _hold(self, waiting: Mapping[str, list[Waiting]], notes: list[Note]) -> None:
        """Keep the unwritten messages for the next time, within bounds."""
        self._notes = notes + self._notes
        for channel, several in waiting.items():
            self._waiting[channel] = several + self._waiting.get(channel, [])
        self._size = sum(map(len, self._waiting.values()))
        if self._size <= HELD:
            return
        times = [heard.received for several in waiting.values() for heard in several]
        lost = sum(map(len, waiting.values()))
        self.lost += lost
        self._size -= lost
        for channel, several in waiting.items():
            del self._waiting[channel][: len(several)]
        reason = f"{lost:,} messages lost: the disk took none"
        self._holes.lost((min(times), max(times)), reason)

    def _take(self, began: list[Note]) -> None:
        """Be the only recorder of the folder, and finish the files of a killed one."""
        try:
            make_folder(self.root)
            self._lock.acquire()
            for each in recover(self.root):
                _log.warning("%s %s: it is set aside", self.root / each.path, each.fault)
            # A channel that hears nothing is there all the same: that is another thing than none.
            for channel in self.channels:
                make_folder(self.root / channel_folder(channel))
            # Before any message: rows without it would be of an unknown beginning.
            journal.write(self.root, began)
        except Timeout as error:
            raise LakeError(f"somebody else records to {self.root}") from error
        except OSError as error:
            self._lock.release()
            raise NotWritable(f"{self.root} cannot be written: {error}") from error
        except LakeError:
            self._lock.release()
            raise


def _by_hour(
    waiting: Mapping[str, Sequence[Waiting]],
) -> list[tuple[Hour, list[Waiting]]]:
    """Sort waiting messages by hours, those of all channels before the next hour: see `reach`."""
    found = [
        (hour_of(channel, start * HOUR), list(run))
        for channel, heard in waiting.items()
        for start, run in itertools.groupby(heard, lambda each: each.received // HOUR)
    ]
    return sorted(found, key=lambda each: each[0].start)
