"""Under any order of answers, promotions, look-ups and clock steps nothing outlives its life."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from marketkit.cache.memory import Memory, gather

SYMBOLS = ["KRW-A", "KRW-B", "KRW-C", "KRW-D"]
SHELVES = ["ticker", "orderbook"]
some = st.lists(st.sampled_from(SYMBOLS), unique=True, min_size=1).map(sorted)


@dataclass
class Said:
    """What an answer said of a symbol: when it was made, for how long it may be given."""

    made: int
    life: int


class Tiers(RuleBasedStateMachine):
    """A memory, what it was told, and a clock that may do anything."""

    def __init__(self):
        super().__init__()
        self.memory = Memory(max_bytes=60_000)
        self.now = 1_000_000
        self.answers: list[Said] = []

    @rule(
        shelf=st.sampled_from(SHELVES),
        symbols=some,
        age=st.sampled_from([0, 0, 0, 50, 400, 5_000]),
        life=st.sampled_from([0, 200, 200, 1_000, 60_000]),
        rows=st.integers(0, 3),
    )
    def answer_or_promote(self, shelf, symbols, age, life, rows):
        """An answer of the wire is young, one that another tier hands up is as old as it is."""
        number = len(self.answers)
        self.answers.append(Said(self.now - age, life))
        frame = pl.DataFrame(
            {
                "symbol": [each for each in symbols for _ in range(rows)],
                "answer": [number] * rows * len(symbols),
            },
            schema={"symbol": pl.String, "answer": pl.Int64},
        )
        lives = dict.fromkeys(symbols, life)
        made = self.now - age
        held = self.memory.put(shelf, frame, symbols, made=made, lives=lives, now=self.now)
        assert [each.length for each in held] == [rows] * len(symbols)

    @rule(step=st.sampled_from([0, 1, 50, 199, 200, 201, 5_000, -300]))
    def step_the_clock(self, step):
        """Clocks go on, stand still, and may even go back."""
        self.now += step

    @rule()
    def clean(self):
        """What cleaning lets go of is nobody's business but the memory's."""
        self.memory.clean(self.now)

    @rule(shelf=st.sampled_from(SHELVES), symbols=some)
    def look_up(self, shelf, symbols):
        """What is found is of that shelf and symbol, and younger than its life."""
        found = self.memory.find(shelf, symbols, self.now)
        assert len(found) == len(symbols)
        for symbol, held in zip(symbols, found, strict=True):
            if held is None:
                continue
            rows = gather([held])
            assert held.batch.cache_key == shelf
            assert set(rows["symbol"]) <= {symbol}
            for number in set(rows["answer"]):
                said = self.answers[number]
                assert self.now - said.made < said.life
                assert held.batch.made == said.made

    @invariant()
    def the_bound_holds(self):
        """Never more bytes than there may be, and they are those of what is held."""
        stats = self.memory.stats()
        assert stats.bytes <= stats.max_bytes
        assert stats.bytes == sum(self.memory._batches.values())


Tiers.TestCase.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
TestNothingOutlivesItsLife = Tiers.TestCase
