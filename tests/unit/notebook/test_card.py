"""A card is the same few facts as text and as HTML, with everything escaped."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from marketkit.notebook.card import Card, Shown, bar
from marketkit.notebook.table import of_rows
from marketkit.notebook.text import Room, width

CARD = Card(
    "Lake /data",
    {"until": "2026-11-20", "missing": "1,440 slots of <b>, of which nobody knows"},
    0.25,
    (of_rows(("symbol",), [("<script>",)]),),
)


class Thing(Shown):
    """A thing with a card."""

    def _card(self):
        return CARD


def test_the_text_has_a_line_for_each_fact():
    assert repr(Thing()).splitlines() == [
        "Lake /data",
        "  until        2026-11-20",
        "  missing      1,440 slots of <b>, of which nobody knows",
        "  symbol",
        "  ────────",
        "  <script>",
    ]


def test_a_long_fact_is_broken_where_there_is_little_room():
    lines = CARD.text(Room(40)).splitlines()
    assert lines[2:4] == [
        "  missing      1,440 slots of <b>, of",
        "               which nobody knows",
    ]


def test_the_html_says_the_same_and_is_escaped():
    shown = Thing()._repr_html_()
    assert "<script>" not in shown
    assert "of &lt;b&gt;," in shown
    assert bar(0.25) in shown
    assert "color:inherit" in shown
    assert "background:#" not in shown


@given(st.text(max_size=60), st.integers(40, 100))
def test_whatever_a_fact_says_no_line_is_wider_than_the_room(fact, most):
    text = Card(fact, {"fact": fact}).text(Room(most))
    assert all(width(line) <= most for line in text.split("\n"))
