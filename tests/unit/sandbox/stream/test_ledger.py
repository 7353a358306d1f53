"""Counts of connections, open and past."""

from __future__ import annotations

from marketkit.sandbox.stream.ledger import Ledger


class Connection:
    """A connection that has counted so much of everything."""

    def __init__(self, much):
        self.much = much

    def stats(self):
        """Return the counts."""
        return dict.fromkeys(("messages", "violations", "frames", "bytes", "number"), self.much)


def test_the_counts_are_of_all_connections_and_the_open_ones_go_on():
    ledger, here = Ledger(), Connection(5)
    ledger.close(Connection(2))
    ledger.refused += 1
    assert ledger.stats([here]) == {
        "connections": 2, "open": 1, "refused": 1, "cut_off": 0,
        "messages": 7, "violations": 7, "frames": 7, "bytes": 7,
    }  # fmt: skip
    assert [row["number"] for row in ledger.rows([here])] == [2, 5]


def test_a_reset_forgets_what_is_past():
    ledger = Ledger()
    ledger.close(Connection(2))
    ledger.cut_off += 1
    ledger.reset()
    assert ledger.rows([]) == []
    assert not any(ledger.stats([]).values())
