"""Days of trades from the archive into the trades of the lake."""

from __future__ import annotations

from marketkit.coverage import Spans
from marketkit.data.fetch.archive.rows import read_trades
from marketkit.data.lake.format.provenance import Provenance, Source
from marketkit.data.lake.trades.store import TradeStore
from marketkit.data.lake.trades.write import TradesWritten
from marketkit.net.archive.download import Fetched


def take_trades(store: TradeStore, fetched: Fetched, largest: int) -> TradesWritten:
    """Keep the trades of a verified zip, and that there are no others in the period of its name.

    What the lake knows of the same trades beyond, such as REST's number, stays. Raises
    `BadResponse` that names the file for one that is not taken, and `NotWritable`.
    """
    file = fetched.published.file
    rows, span = read_trades(fetched.path, file, largest), file.span
    said = (fetched.sha256, fetched.size, fetched.published.modified, fetched.at)
    archive = Provenance((Source(file.key, *said, *span),))
    symbol = file.shelf.market
    return store.append(symbol, rows, Spans([span]), archive=archive, seen_at=fetched.at)
