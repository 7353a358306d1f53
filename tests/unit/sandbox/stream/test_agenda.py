"""The order in which things are done."""

from __future__ import annotations

from marketkit.sandbox.stream.agenda import BOOK, REACTION, TRADE, Agenda


def test_things_are_done_by_time_then_rank_then_as_they_were_added():
    agenda, done = Agenda(), []
    for due, rank, name in (
        (20, TRADE, "e"),
        (10, REACTION, "c"),
        (10, TRADE, "a"),
        (10, REACTION, "d"),
        (10, BOOK, "b"),
    ):
        agenda.add(due, rank, lambda name=name: done.append(name))
    while entry := agenda.take(19):
        entry[1]()
    assert "".join(done) == "abcd"
    assert agenda.next_due() == 20
    agenda.clear()
    assert agenda.next_due() is None
