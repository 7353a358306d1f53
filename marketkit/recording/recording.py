"""A recording at work, as a caller holds one."""

from __future__ import annotations

from collections import Counter, deque
from pathlib import Path

from marketkit.errors import NetworkError
from marketkit.realtime.handle import REGISTRY, StreamHandle
from marketkit.recording.recorder import Recorder


class Recording(StreamHandle):
    """Streams on their way to a folder, until `close`, also if nobody holds this object.

    What came is on disk, and visible to `read_recording`, after five seconds or 20,000 messages;
    that much a kill can take. While the disk takes nothing, messages are held (500,000 of them) and
    `errors` says why; the streams of others do not notice. `close`, the end of its `with` block
    and of the program put down all that is held; `close` raises what keeps it from that.

    A market that ends leaves `symbols`, and `interruptions` names it; others are recorded on.
    Messages of an interruption are missing for ever; `read_interruptions` gives those of all runs.
    """

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self.folder: Path = recorder.root
        self.channels = recorder.channels
        self._recorder = recorder
        REGISTRY.keep(self)

    @property
    def counts(self) -> Counter[str]:
        """The messages that came so far, by channel."""
        return Counter(self._recorder.counts)

    @property
    def lost(self) -> int:
        """The messages that neither disk nor memory could hold."""
        return self._recorder.lost

    @property
    def errors(self) -> deque[Exception]:
        """Why messages could not be written, the newest hundred times."""
        return self._recorder.errors

    @property
    def unheard(self) -> NetworkError | None:
        """The reason why no message came until the end; None before that, and if one did."""
        return self._recorder.unheard

    def _title(self) -> str:
        return f"Recording {' '.join(self.channels)} of {self._whose()} to {self.folder}"

    def _facts(self) -> dict[str, str]:
        counts = self.counts
        told = ", ".join(f"{counts[name]:,} {name}" for name in self.channels)
        facts = {"folder": str(self.folder), "messages": told}
        if self.lost:
            facts["lost"] = f"{self.lost:,} messages that neither disk nor memory could hold"
        if self.errors:
            facts["errors"] = f"{len(self.errors):,}, last: {self.errors[-1]}"
        return facts

    def _running(self) -> str:
        return "recording"

    def _details(self) -> str:
        count = f", {sum(self._recorder.counts.values()):,} messages"
        return f"{count}, {self.errors[-1]}" if self.errors and self.failure is None else count
