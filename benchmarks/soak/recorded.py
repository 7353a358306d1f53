"""Messages: recording and trades against the witness, tickers against the exchange's last word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import polars as pl

import marketkit as mk
from marketkit.coverage import Span
from marketkit.recording.reader import scan_recording

if TYPE_CHECKING:
    from benchmarks.soak import Soak
    from benchmarks.soak.judge import Told

_EVER = Span(0, 2**53)
# Columns of a recording, and the names of the wire.
_COLUMNS = {
    "trade": {
        "symbol": "code", "sequential_id": "sequential_id", "time": "trade_timestamp",
        "price": "trade_price", "volume": "trade_volume", "side": "ask_bid",
    },
    "ticker": {
        "symbol": "code", "time": "timestamp", "price": "trade_price",
        "trade_time": "trade_timestamp", "volume": "acc_trade_volume", "value": "acc_trade_price",
        "volume_24h": "acc_trade_volume_24h", "high": "high_price", "low": "low_price",
    },
    "orderbook": {
        "symbol": "code", "time": "timestamp", "total_bid_size": "total_bid_size",
        "total_ask_size": "total_ask_size",
    },
}  # fmt: skip
_MANY = 200_000  # rows as objects at a time
_LEVEL = ("bid_price", "bid_size", "ask_price", "ask_size")


def checks(soak: Soak, told: Told) -> Iterator[tuple[Any, ...]]:
    """Compare the recording, the trades that were told, and the last tickers."""
    sent = _sent(soak)
    holes = mk.read_interruptions(soak.folder / "tape").with_columns(
        pl.col("start", "end").dt.epoch("ms")
    )
    for channel in _COLUMNS:
        yield from _recording(soak, channel, sent[channel], holes)
    yield from _trades(soak, told, sent["trade"])
    yield from _tickers(soak)


def _sent(soak: Soak) -> dict[str, pl.DataFrame]:
    """Read what the witness wrote: a row for a message, of books one for each level."""
    rows: dict[str, list[tuple[Any, ...]]] = {channel: [] for channel in _COLUMNS}
    frames = {channel: [_frame(channel, [])] for channel in _COLUMNS}
    with (soak.folder / "sent.tsv").open() as file:
        for line in file:
            moment, text = line.split("\t", 1)
            message = json.loads(text)
            if (channel := message["type"]) in rows:
                rows[channel] += _rows(int(moment), message)
                if len(rows[channel]) > _MANY:
                    frames[channel].append(_frame(channel, rows[channel]))
                    rows[channel] = []
    return {
        channel: pl.concat([*several, _frame(channel, rows[channel])])
        for channel, several in frames.items()
    }


def _frame(channel: str, rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    kinds = {"code": pl.String, "ask_bid": pl.String, "sequential_id": pl.Int64}
    times = dict.fromkeys(("timestamp", "trade_timestamp"), pl.Int64)
    own = {name: (kinds | times).get(wire, pl.Float64) for name, wire in _COLUMNS[channel].items()}
    levels = {"depth": pl.Int64} | dict.fromkeys(_LEVEL, pl.Float64)
    shape = {"moment": pl.Int64} | own | (levels if channel == "orderbook" else {})
    return pl.DataFrame(rows, shape, orient="row")


def _rows(moment: int, message: dict[str, Any]) -> list[tuple[Any, ...]]:
    head = (moment, *(message[wire] for wire in _COLUMNS[message["type"]].values()))
    if message["type"] != "orderbook":
        return [head]
    units = enumerate(message["orderbook_units"], 1)
    return [(*head, depth, *(unit[name] for name in _LEVEL)) for depth, unit in units]


def _recording(
    soak: Soak, channel: str, sent: pl.DataFrame, holes: pl.DataFrame
) -> Iterator[tuple[Any, ...]]:
    with ExitStack() as stack:
        rows = scan_recording(soak.folder / "tape", channel, _EVER, stack)
        kept = rows.with_columns(pl.selectors.datetime().dt.epoch("ms")).collect()
    names = [name for name in sent.columns if name != "moment"]
    kept = kept.with_columns(pl.col("side").cast(pl.String)) if "side" in names else kept
    kept = kept.cast({name: sent.schema[name] for name in names})
    missing = sent.join(kept, on=names, how="anti")
    holed = _in_holes(missing, holes)
    live = kept.filter(pl.col("stream") == "REALTIME")
    strange = live.join(sent, on=names, how="anti").height
    untold = missing.height - holed
    share = 1 - missing.height / max(1, sent.height)
    said = f"{untold} of {sent.height:,} ({share:.1%} kept, the rest in holes that are told)"
    yield f"recorded {channel}: missing without a hole", "0", said, not untold
    yield f"recorded {channel}: never sent so", "0", f"{strange} of {live.height:,}", not strange


def _in_holes(missing: pl.DataFrame, holes: pl.DataFrame) -> int:
    """Count the rows that were sent in a time that a recording says it may lack."""
    spans = [(start, end or _EVER.end) for start, end, _ in holes.iter_rows()]
    inside = [pl.col("moment").is_between(*span) for span in spans]
    return missing.filter(pl.any_horizontal(*inside)).height if inside else 0


def _trades(soak: Soak, told: Told, sent: pl.DataFrame) -> Iterator[tuple[Any, ...]]:
    heard = pl.read_csv(soak.folder / "trades.csv")
    first = heard.group_by("symbol", maintain_order=True).agg(pl.col("time").first())
    due = sent.join(first, on="symbol", suffix="_first")
    due = due.filter(pl.col("time") >= pl.col("time_first"))
    missing = due.join(heard, on=["symbol", "sequential_id"], how="anti").height
    failed = [each for each in told.handles["interruptions"]["trades"] if each["failure"]]
    twice = heard.height - heard.n_unique(["symbol", "sequential_id"])
    said = f"{missing} missing, {twice} twice, of {due.height:,}"
    if failed:
        said += f"; {len(failed)} times told as missing for ever"
    yield "trades told by a feed", "all, once", said, not (missing or twice)


def _tickers(soak: Soak) -> Iterator[tuple[Any, ...]]:
    rest = json.loads((soak.folder / "last-ticker.json").read_text())
    last = {each["market"]: (each["trade_price"], each["trade_timestamp"]) for each in rest}
    frame = pl.read_parquet(soak.folder / "tickers.parquet")
    known = {
        symbol: (price, time)
        for symbol, price, time in frame.select(
            "symbol", "price", pl.col("trade_time").dt.epoch("ms")
        ).iter_rows()
    }
    wrong = [symbol for symbol in last if known.get(symbol) != last[symbol]]
    wrong += [symbol for symbol in known if symbol not in last]
    said = f"{len(wrong)} of {len(last)}{': ' if wrong else ''}{', '.join(wrong[:5])}"
    yield "tickers in the feed that are not the exchange's last", "0", said, not wrong
