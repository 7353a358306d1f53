"""Cards: how an object of ours shows itself, as text and as HTML, from the same few facts."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass

from marketkit.errors import plain
from marketkit.notebook import grid
from marketkit.notebook.encoding import printable
from marketkit.notebook.grid import Column
from marketkit.notebook.table import Table
from marketkit.notebook.text import Room, room, wrap

_INDENT = "  "
_LABEL = 11  # columns of the names of facts: cards below each other look alike
_FACTS = "border-collapse:collapse;margin:.2em 0 .5em;background:none;color:inherit"
_NAME = "text-align:left;padding:.1em .7em .1em 0;opacity:.7;border:0;vertical-align:top"
_FACT = "text-align:left;padding:.1em 0;border:0;white-space:pre-wrap"


@dataclass(frozen=True, slots=True)
class Card:
    """A title, named facts, how much is done (0 to 1, if that is said), and tables."""

    title: str
    facts: Mapping[str, str]
    share: float | None = None
    tables: tuple[Table, ...] = ()

    def text(self, place: Room | None = None) -> str:
        """Write the card for a place, by default the one that stdout is."""
        there = room() if place is None else place
        within = there._replace(width=there.width - len(_INDENT))
        lines = wrap(plain(self.title), there.width)
        lines += [f"{_INDENT}{line}" for line in self._facts(within)]
        for table in self.tables:
            lines += [f"{_INDENT}{line}".rstrip() for line in table.text(within).splitlines()]
        return printable("\n".join(lines), there.encoding)

    def html(self) -> str:
        """Write the card as HTML, in the colours of the page around."""
        done = "" if self.share is None else f"<br>{bar(self.share)}"
        rows = "".join(
            f"<tr><td style='{_NAME}'>{html.escape(name)}</td>"
            f"<td style='{_FACT}'>{html.escape(plain(fact))}</td></tr>"
            for name, fact in self.facts.items()
        )
        facts = f"<table style='{_FACTS}'><tbody>{rows}</tbody></table>" if rows else ""
        tables = "".join(table.html() for table in self.tables)
        title = f"<strong>{html.escape(plain(self.title))}</strong>"
        return f"<div style='color:inherit'>{title}{done}{facts}{tables}</div>"

    def _facts(self, there: Room) -> list[str]:
        if not self.facts:
            return []
        names = tuple(name.ljust(_LABEL) for name in self.facts)
        facts = tuple(map(plain, self.facts.values()))
        return grid.lines([Column("", names, whole=True), Column("", facts)], there)


class Shown:
    """An object that shows itself by a card, as text and in a notebook as HTML.

    That is quick, and sends nothing.
    """

    __slots__ = ()

    def _card(self) -> Card:
        """Give the facts to show."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return self._card().text()

    def _repr_html_(self) -> str:
        return self._card().html()


def bar(share: float) -> str:
    """Draw a bar, of which so much (0 to 1) is done, as HTML."""
    return f"<progress value='{share:.4f}' max='1' style='width:20em'></progress>"
