"""Whatever files say: no covered slot changes, and no slot is claimed that they do not tell of."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.errors import InputError
from marketkit.timeframe import DAY, MINUTE, iso, parse_time
from tests.unit.data.lake.conftest import make_candles

START = parse_time("2025-04-30")
SLOTS = 40
HEADER = "time,open,high,low,close,volume,value,state"
NUMBERS = {  # of a cell; the second of each is what it says of the slot
    "candle": ("{0},{0},{0},{0},1.5,7.25,", "traded"),
    "closed": ("{0},{0},{0},{0},2.5,,closed", "sure"),
    "flat": ("{0},{0},{0},{0},0,0,", "traded"),
    "bare": (",,,,,,", "traded"),
    "empty": (",,,,,,empty", "sure"),
    "forming": ("{0},{0},{0},{0},0.5,1,forming", "nothing"),
    "unknown": (",,,,,,unknown", "nothing"),
}


@dataclass(frozen=True)
class File:
    """What a file says by slot, when it was written, and whether its name says a day."""

    rows: dict[int, tuple[str, float]]
    written: int
    named: bool

    def write(self, folder: Path, number: int) -> Path:
        """Write the file."""
        name = "KRW-BTC_candle-1m_20250430" if self.named else "some"
        path = folder / str(number) / f"{name}.csv"
        path.parent.mkdir()
        lines = [
            f"{iso(START + slot * MINUTE)},{NUMBERS[kind][0].format(close)}"
            for slot, (kind, close) in self.rows.items()
        ]
        path.write_text("\n".join([HEADER, *lines]) + "\n")
        os.utime(path, (self.written / 1000,) * 2)
        return path

    def may_claim(self, covering: object, *, settled: bool) -> set[int]:
        """Give the slots that may be claimed at most, counted slot by slot."""
        said = {slot: NUMBERS[kind][1] for slot, (kind, _) in self.rows.items()}
        over = {slot for slot in range(1440) if settled or self.ended(slot)}
        sure = {slot for slot, word in said.items() if word == "sure"}
        told = {slot for slot, word in said.items() if word == "traded"} & over
        whole = self.named or not isinstance(covering, str)
        if self.named:
            span = set(range(1440))
        elif covering == "range":
            span = set(range(min(said, default=0), max(said, default=-1) + 1))
        else:
            span = set() if covering == "rows" else set(range(10, 30))
        last = 1440 if self.named else 30
        if not settled and not (whole and START + last * MINUTE <= self.written):
            told -= {max(said, default=-1)}
            span = {slot for slot in span if slot < max(said, default=1440)}
        span -= {slot for slot, word in said.items() if word == "nothing"}
        return sure | told | (span & over)

    def ended(self, slot: int) -> bool:
        """Say whether a slot was over when the file was written."""
        return START + (slot + 1) * MINUTE <= self.written


moments = st.sampled_from([START + 20 * MINUTE - 1, START + 30 * MINUTE, START + 2 * DAY])
cells = st.tuples(st.sampled_from(list(NUMBERS)), st.sampled_from([99.0, 100.0, 101.0, 140.0]))
files = st.builds(
    File,
    st.dictionaries(st.integers(0, SLOTS - 1), cells, min_size=1, max_size=SLOTS),
    moments,
    st.booleans(),
)
runs = st.lists(st.tuples(st.integers(0, SLOTS), st.integers(0, SLOTS)), max_size=4)


def slots_of(spans: Spans) -> set[int]:
    return {(time - START) // MINUTE for start, end in spans for time in range(start, end, MINUTE)}


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    known=runs,
    traded=st.sets(st.integers(0, SLOTS - 1)),
    given_files=st.lists(files, min_size=1, max_size=3),
    covering=st.sampled_from(["rows", "range", (START + 10 * MINUTE, START + 30 * MINUTE)]),
    settled=st.booleans(),
    force=st.booleans(),
)
def test_no_import_changes_a_covered_slot_nor_claims_more_than_it_is_told(
    tmp_path_factory, known, traded, given_files, covering, settled, force
):
    folder = tmp_path_factory.mktemp("case")
    lake = Lake(folder / "lake")
    covered = Spans((START + a * MINUTE, START + b * MINUTE) for a, b in known)
    times = [START + slot * MINUTE for slot in sorted(traded & slots_of(covered))]
    lake.append("KRW-BTC", "1m", make_candles(times), covered)
    before = lake.read("KRW-BTC", "1m")
    paths = [each.write(folder, number) for number, each in enumerate(given_files)]
    options = {"covering": covering, "settled": settled, "force": force, "duplicates": "last"}
    try:
        came = lake.import_(paths, symbol="KRW-BTC", timeframe="1m", **options)
    except InputError:
        came = None
    now = lake.covered("KRW-BTC", "1m")
    assert covered <= now
    is_known = pl.col("time").cast(pl.Int64).is_in([START + s * MINUTE for s in slots_of(covered)])
    assert lake.read("KRW-BTC", "1m").filter(is_known).equals(before)
    assert lake.revisions().is_empty()
    if came is None:
        assert now == covered
        assert lake.unsettled().is_empty()
        return
    allowed = set().union(*(f.may_claim(covering, settled=settled) for f in given_files))
    assert slots_of(now - covered) <= slots_of(came.covering) <= allowed
    assert slots_of(came.covering) - slots_of(now) == set()
