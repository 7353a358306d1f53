"""The lake read through images against the lake read from its files: always the same frame."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.store import pages
from marketkit.data.lake.tier import folder, tier
from marketkit.schema import ROW, TIME
from tests.waiting import PATIENCE

MINUTE = 60_000
MIDDLE = 1_706_745_600_000  # 2024-02-01T00:00Z, where one chunk ends and the next begins
SYMBOLS = ("KRW-BTC", "KRW-ETH")

symbols = st.sampled_from(SYMBOLS)
slots = st.integers(-40, 40)
prices = st.floats(0.1, 1e9)
turnover = st.none() | st.floats(0, 1e12)


def time_of(slot: int) -> int:
    return MIDDLE + slot * MINUTE


class TierMachine(RuleBasedStateMachine):
    """Writes, frozen sets, warm and lost images, in any order; then every kind of read, twice."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="marketkit-tier-"))
        self.lake = Lake(self.folder / "lake")
        self.sets = 0
        # No variables of the environment: polars' threads read some, also after it has answered.
        place = self.folder / "cache" / "images" / folder.LAYOUT
        self.told = patch.object(folder, "_folder", lambda *_: place)
        self.told.start()
        tier.drop_maps()

    def teardown(self) -> None:
        """Leave nothing behind."""
        assert tier.wait(PATIENCE)
        self.told.stop()
        shutil.rmtree(self.folder)

    @rule(
        symbol=symbols,
        width=st.sampled_from(["1m", "1h"]),
        start=slots,
        length=st.integers(1, 30),
        close=prices,
        value=turnover,
        every=st.integers(1, 4),
    )
    def append(self, symbol, width, start, length, close, value, every):
        """Write a page over whatever is there, with holes in it."""
        step = MINUTE if width == "1m" else 60 * MINUTE
        times = range(MIDDLE + start * step, MIDDLE + (start + length) * step, step)
        taken = [time for time in times if time // step % every == 0]
        named = dict.fromkeys(("open", "high", "low", "close"), [close] * len(taken))
        columns = {"symbol": [symbol] * len(taken), "time": taken, **named}
        more = {"volume": [1.0] * len(taken), "value": [value] * len(taken)}
        schema = {name: pl.Int64() if kind == TIME else kind for name, kind in ROW.items()}
        rows = pl.DataFrame(columns | more, schema=schema).with_columns(pl.col("time").cast(TIME))
        self.lake.append(symbol, width, rows, Spans([(times.start, times.stop)]))

    @rule(symbol=st.none() | symbols, width=st.sampled_from(["1m", "1h"]))
    def warm(self, symbol, width):
        """Make images of all that there is, or of one symbol."""
        self.lake.warm(symbol, width)

    @rule(start=slots, length=st.integers(0, 60))
    def read_a_part(self, start, length):
        """Read a range by every way there is."""
        window = (time_of(start), time_of(start + length))
        expected = self.from_files(lambda: self.lake.read(None, "1m", *window))
        assert self.lake.read(None, "1m", *window).equals(expected)
        assert self.lake.scan(None, "1m", *window).collect().equals(expected)
        assert (
            self.lake.scan(None, "1m", *window)
            .select("close")
            .collect()
            .equals(expected.select("close"))
        )

    @rule()
    def close(self):
        """Put the pages that wait into the files."""
        self.lake.close()

    @rule()
    def freeze(self):
        """Give every file a second name, which changes the time of its last change."""
        if any(self.lake.root.glob("candles/*/*/*/*.parquet")):
            self.sets += 1
            self.lake.freeze(f"set-{self.sets}")

    @rule(past=st.integers(1, 5))
    def look_back(self, past):
        """Read a frozen set."""
        if past <= self.sets:
            frozen = self.lake.as_of(f"set-{past}")
            expected = self.from_files(lambda: frozen.read(None, "1m"))
            assert frozen.read(None, "1m").equals(expected)

    @rule(symbol=symbols)
    def drop(self, symbol):
        """Remove a series."""
        self.lake.drop(symbol, "1m")

    @rule(how=st.sampled_from(["gone", "short", "garbage"]), pick=st.integers(0, 9))
    def spoil_an_image(self, how, pick):
        """Delete an image or put something else in its place, never into it."""
        found = sorted((self.folder / "cache").rglob("*.arrow"))
        if found:
            path = found[pick % len(found)]
            content = path.read_bytes()
            path.unlink()
            if how != "gone":
                path.write_bytes(content[: len(content) // 2] if how == "short" else b"x" * 2000)

    @rule()
    def lose_the_cache(self):
        """Delete the whole folder."""
        shutil.rmtree(self.folder / "cache", ignore_errors=True)

    @rule()
    def begin_anew(self):
        """Forget all maps and all that this process knows of the lake, as a new one would."""
        tier.drop_maps()
        self.lake = Lake(self.folder / "lake")

    @invariant()
    def images_say_what_files_say(self):
        """Read all, from files and through images; twice, so that images come to be."""
        for width in ("1m", "1h"):
            expected = self.from_files(lambda width=width: self.lake.read(None, width))
            for _ in range(2):
                assert self.lake.read(None, width).equals(expected)

    @staticmethod
    def from_files(read):
        """Read as with images off."""
        with patch.object(tier, "images", lambda: None):
            return read()


class WaitingPagesMachine(TierMachine):
    """The same where every page waits in a journal, as pages of large chunks do."""

    def __init__(self) -> None:
        super().__init__()
        self.large = patch.object(pages, "_LARGE", 0)
        self.large.start()

    def teardown(self) -> None:
        """Have pages of small chunks go into the files again."""
        self.large.stop()
        super().teardown()


MACHINES = pytest.mark.parametrize("machine", [TierMachine, WaitingPagesMachine])


def play(machine: type[TierMachine], steps: int, examples: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            stateful_step_count=steps,
            max_examples=examples,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@MACHINES
def test_a_frame_through_images_is_the_frame_without_them(machine):
    play(machine, steps=20, examples=5)


@pytest.mark.slow
@MACHINES
def test_a_frame_through_images_is_the_frame_without_them_for_long(machine):
    play(machine, steps=50, examples=48)
