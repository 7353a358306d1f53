"""The process under test: everything at once, for as long as it is left to run.

`python -m benchmarks.soak.program '{...}'`, as `benchmarks.soak` puts it together. On a first line
of its input it says what its feeds know and prints a word; on a second it closes all, writes what
its handles told, and prints a word again.
"""

from __future__ import annotations

import functools
import gc
import itertools
import json
import logging
import sys
import threading
import time
import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import marketkit as mk
from benchmarks.soak.samples import Sampler
from marketkit.data.jobs.config import chores, moment, read_config
from marketkit.realtime.consumers import Consumer
from marketkit.realtime.queue import Queue

_PAUSE = 10.0  # seconds between two runs of the config
_READ = 0.25  # seconds that whoever reads tickers and books takes for each frame


class Program:
    """All work of the process; `folder` gets what is told of it."""

    def __init__(self, told: dict[str, Any], provider: mk.SmartDataProvider, stack: ExitStack):
        self.told, self.provider, self.stack = told, provider, stack
        self.folder = Path(told["folder"])
        self.ended = threading.Event()
        # A line for each job that is over: this process's memory is measured.
        self._jobs = (self.folder / "jobs.jsonl").open("w+", buffering=1)
        self.refused: list[str] = []
        self.handles: dict[str, Any] = {}
        self.reads = dict.fromkeys(("tickers", "books"), 0)

    def start(self) -> None:
        """Open everything; nothing of all this is looked at again before the end."""
        provider, keep, recorded = self.provider, self.stack.enter_context, self.told["recorded"]
        # The streams first: their first messages are those of the recording.
        to, channels = self.folder / "tape", ["trade", "ticker", "orderbook"]
        self.handles["recording"] = keep(provider.record(recorded, channels, to=to))
        self.handles["trades"] = keep(provider.watch(recorded, "trade"))
        self.handles["trades"].on(functools.partial(self._write, "trades"))
        for name, channel in (("tickers", "ticker"), ("books", "orderbook")):
            self.handles[name] = keep(provider.watch("KRW-*", channel))
            self.handles[name].on(functools.partial(self._read, name))
        live = provider.live(self.told["followed"], "1m", history="3h", show=False)
        self.handles["live"] = keep(live)
        live.on(functools.partial(self._write, "finals"))
        words = Consumer(live, live._broadcast, Queue(), list)
        self.listener = threading.Thread(target=self._note, args=(words,), daemon=True)
        self.listener.start()
        threading.Thread(target=self._fill_on, name="config", daemon=True).start()

    def _read(self, name: str, _: Any) -> None:
        self.reads[name] += 1
        time.sleep(_READ)

    def _write(self, name: str, frame: Any) -> None:
        with (self.folder / f"{name}.csv").open("ab") as file:
            frame.write_csv(file, include_header=not file.tell(), datetime_format="%s%3f")

    def _note(self, words: Consumer[list[Any]]) -> None:
        """Write each word on a final candle, also one that the next takes back at once."""
        with (self.folder / "words.jsonl").open("w", buffering=1) as file:
            for each in itertools.chain.from_iterable(words):
                file.write(json.dumps([each.symbol, each.time, *each.row[:-1]]) + "\n")

    def _fill_on(self) -> None:
        """Do the config again and again, as a timer would."""
        config = read_config(Path(self.told["config"]))
        while not self.ended.is_set():
            try:
                self._fill(config)
            except mk.MarketkitError as failure:
                self.refused.append(f"{type(failure).__name__}: {failure}")
            self.ended.wait(_PAUSE)

    def _fill(self, config: Any) -> None:
        now = int(self.provider.exchange_time().timestamp() * 1000)
        for chore in chores(config, self.provider.get_market(), self.provider.lake(), now):
            start, symbols = moment(chore.start), list(chore.symbols)
            began = self._now()
            job = self.provider.backfill(symbols, chore.timeframe, start=start, show=False)
            asked = [(began, 0)]  # when the job had sent how many requests
            while not (job.done or self.ended.wait(1.0)):
                if job.progress.requests > asked[-1][1]:
                    asked.append((self._now(), job.progress.requests))
            if not job.done:
                job.leave()
            told = {"repr": repr(job), "interruptions": rows(job.interruptions)}
            times = [at for at, _ in asked]
            told |= {"start": began, "end": self._now(), "asked": times}
            self._jobs.write(json.dumps(told) + "\n")

    def _now(self) -> int:
        """Read the exchange's clock as the streams know it, which asks nobody."""
        return int(self.handles["tickers"]._client.clock())

    def said(self) -> None:
        """Write what the feeds know now."""
        for name in ("tickers", "books", "live"):
            self.handles[name].frame.write_parquet(self.folder / f"{name}.parquet")

    def close(self) -> dict[str, Any]:
        """End the work; give what all handles tell."""
        self.ended.set()
        while any(thread.name == "config" for thread in threading.enumerate()):
            time.sleep(0.05)
        stream = self.provider.status().stream.as_dict()
        for handle in self.handles.values():
            handle.close()
        self.listener.join()
        handles = self.handles.items()
        with self._jobs as file:
            file.seek(0)
            jobs = list(map(json.loads, file))
        return {
            "jobs": jobs,
            "refused": self.refused,
            "reads": self.reads,
            "stream": stream,
            "symbols": {name: list(each.symbols) for name, each in handles},
            "interruptions": {name: rows(each.interruptions) for name, each in handles},
            "lost": {name: lost(each) for name, each in handles},
            "errors": {name: list(map(str, getattr(each, "errors", ()))) for name, each in handles},
        }


def lost(handle: Any) -> int:
    """Count the messages that a handle lost; a live series asks for what is missing."""
    if isinstance(handle, mk.Live):
        return 0
    return handle.stats.lost if isinstance(handle, mk.Feed) else handle.lost


def rows(interruptions: Any) -> list[dict[str, Any]]:
    """Lay interruptions out as JSON can have them, times in ms."""
    moments = [name for name in interruptions.columns if name in {"start", "end", "closed"}]
    times = [interruptions[name].dt.epoch("ms") for name in moments]
    return interruptions.with_columns(times).to_dicts()


class Lines(logging.Handler):
    """Writes what marketkit logs, a line of JSON each."""

    def __init__(self, path: Path) -> None:
        super().__init__(logging.INFO)
        self._file = path.open("w", buffering=1)

    def emit(self, record: logging.LogRecord) -> None:
        line = {"level": record.levelname, "name": record.name, "text": record.getMessage()}
        self._file.write(json.dumps(line) + "\n")


def main(told: dict[str, Any]) -> None:
    gc.freeze()  # as the README says
    folder = Path(told["folder"])
    logger = logging.getLogger("marketkit")
    logger.setLevel(logging.INFO)
    logger.addHandler(Lines(folder / "log.jsonl"))
    sampler = Sampler(folder / "samples.jsonl")
    where = {name: told[name] for name in ("endpoint", "lake", "limits") if name in told}
    with (
        mk.SmartDataProvider(**where) as provider,
        ExitStack() as stack,
    ):
        program = Program(told, provider, stack)
        sampler.start()
        program.start()
        print("started", flush=True)
        sys.stdin.readline()
        program.said()
        print("said", flush=True)
        sys.stdin.readline()
        sampler.close()
        (folder / "told.json").write_text(json.dumps(program.close()))
    print("closed", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("always")
    main(json.loads(sys.argv[1]))
