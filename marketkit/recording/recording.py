"""A recording at work, as its caller holds it."""

from __future__ import annotations

import contextlib
import functools
import weakref
from collections import Counter, deque
from pathlib import Path
from typing import Self

from marketkit.errors import EngineClosed
from marketkit.net.engine import engine
from marketkit.recording.recorder import Recorder


class Recording:
    """Streams on their way to a folder, for as long as this object lives or until `close`.

    What came is on disk, and visible to `read_recording`, after five seconds or 20,000 messages;
    that much a kill can take. While the disk takes nothing, messages are held (500,000 of them) and
    `errors` says why; the streams of others do not notice. `close`, the end of its `with` block
    and of the program put down all that is held.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.folder: Path = recorder.root
        self.symbols = tuple(sorted({stream.symbol for stream in recorder.streams}))
        self.channels = tuple(sorted({stream.channel for stream in recorder.streams}))
        self._recorder = recorder
        self._end = weakref.finalize(self, _close_soon, recorder)
        self._end.atexit = False
        engine().on_close(functools.partial(_close, weakref.ref(recorder)))

    @property
    def counts(self) -> Counter[str]:
        """The messages that came so far, by channel."""
        return Counter(self._recorder.counts)

    @property
    def lost(self) -> int:
        """The messages that neither disk nor memory could hold."""
        return self._recorder.lost

    @property
    def interruptions(self) -> int:
        """How often the stream broke off; `read_interruptions` says when."""
        return self._recorder.interruptions

    @property
    def errors(self) -> deque[Exception]:
        """Why messages could not be written, the newest hundred times."""
        return self._recorder.errors

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return not self._end.alive

    def close(self) -> None:
        """Let go of the streams and put down what is held; raises what cannot be put down."""
        if self._end.detach() is not None:
            engine().run(_finish(self._recorder))

    async def aclose(self) -> None:
        """Let go of the streams and put down what is held; the twin of `close`."""
        if self._end.detach() is not None:
            await engine().arun(_finish(self._recorder))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        what = self.symbols[0] if len(self.symbols) == 1 else f"{len(self.symbols)} symbols"
        state = "closed" if self.closed else "recording"
        trouble = f", {self.errors[-1]}" if self.errors else ""
        count = sum(self._recorder.counts.values())
        return (
            f"<Recording {' '.join(self.channels)} of {what} to {self.folder}:"
            f" {state}, {count:,} messages{trouble}>"
        )


async def _finish(recorder: Recorder) -> None:
    failure = await recorder.close()
    if failure is not None:
        raise failure


async def _close(recorder: weakref.ref[Recorder]) -> None:
    if (still_there := recorder()) is not None:
        await still_there.close()


def _close_soon(recorder: Recorder) -> None:
    with contextlib.suppress(EngineClosed, RuntimeError):
        engine().submit(recorder.close())
