"""One client as a process: `run NAME ENDPOINT`, a case a line on stdin, a JSON object a line back.

Every case makes a new client object, asks the exchange and makes a polars frame with the columns
marketkit gives, of the same types. Unmodified clients but for their address. Needs no marketkit,
unless that is the client.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import time

import polars as pl

QUOTES = ("KRW", "BTC", "USDT")
TICKER = {
    "market": "symbol",
    "timestamp": "time",
    "trade_price": "price",
    "opening_price": "open",
    "high_price": "high",
    "low_price": "low",
    "prev_closing_price": "prev_close",
    "change": "change",
    "signed_change_price": "signed_change_price",
    "signed_change_rate": "signed_change_rate",
    "trade_volume": "trade_volume",
    "trade_timestamp": "trade_time",
    "acc_trade_volume": "volume",
    "acc_trade_price": "value",
    "acc_trade_volume_24h": "volume_24h",
    "acc_trade_price_24h": "value_24h",
    "highest_52_week_price": "high_52w",
    "highest_52_week_date": "high_52w_date",
    "lowest_52_week_price": "low_52w",
    "lowest_52_week_date": "low_52w_date",
}
TEXT = {"market", "change"}
TIMES = ("time", "trade_time")
DATES = ("high_52w_date", "low_52w_date")


def tickers(rows: list[dict]) -> pl.DataFrame:
    columns = {ours: [row[wire] for row in rows] for wire, ours in TICKER.items()}
    frame = pl.DataFrame(columns, strict=False)
    floats = [n for n in TICKER.values() if n not in (*TIMES, *DATES, "symbol", "change")]
    return frame.with_columns(
        pl.col(floats).cast(pl.Float64),
        pl.col(TIMES).cast(pl.Int64).cast(pl.Datetime("ms")).dt.replace_time_zone("UTC"),
        pl.col(DATES).cast(pl.String).str.to_date("%Y-%m-%d"),
        pl.col("change").cast(pl.Enum(["RISE", "EVEN", "FALL"])),
    ).sort("symbol")


def books(rows: list[dict]) -> pl.DataFrame:
    """Lay books out in rows; a unit is bid price, bid size, ask price, ask size."""
    flat = [
        (row["symbol"], row["time"], depth, *unit, row["bids"], row["asks"], row["level"])
        for row in rows
        for depth, unit in enumerate(row["units"], 1)
    ]
    names = ["symbol", "time", "depth", "bid_price", "bid_size", "ask_price", "ask_size"]
    names += ["total_bid_size", "total_ask_size", "level"]
    frame = pl.DataFrame(flat, schema=names, orient="row", strict=False, infer_schema_length=None)
    return frame.with_columns(
        pl.col(names[3:]).cast(pl.Float64),
        pl.col("time").cast(pl.Int64).cast(pl.Datetime("ms")).dt.replace_time_zone("UTC"),
    ).sort("symbol", "depth")


def wire_book(row: dict) -> dict:
    unit = ("bid_price", "bid_size", "ask_price", "ask_size")
    return {
        "symbol": row["market"],
        "time": row["timestamp"],
        "units": [tuple(each[name] for name in unit) for each in row["orderbook_units"][:15]],
        "bids": row["total_bid_size"],
        "asks": row["total_ask_size"],
        "level": row.get("level"),
    }


class Ccxt:
    def __init__(self, endpoint: str) -> None:
        import ccxt

        self.module, self.host = ccxt, endpoint.removeprefix("http://")
        self.kept = []

    def client(self):
        exchange = self.module.upbit({"enableRateLimit": False})
        exchange.urls["api"] = {
            kind: url.replace("https", "http") for kind, url in exchange.urls["api"].items()
        }
        exchange.hostname = self.host
        return exchange

    def tickers(self) -> pl.DataFrame:
        return tickers([ticker["info"] for ticker in self.client().fetch_tickers().values()])

    def books(self) -> pl.DataFrame:
        client = self.client()
        client.load_markets()
        return self._books(client)

    def _books(self, client) -> pl.DataFrame:
        names = [name for name in client.symbols if name.endswith("/KRW")]
        return books([self._book(each) for each in client.fetch_order_books(names, 15).values()])

    def listed(self) -> pl.DataFrame:
        client = self.client()
        if not self.kept:
            self.kept = list(client.load_markets().values())
        client.set_markets(self.kept)
        return self._books(client)

    @staticmethod
    def _book(book: dict) -> dict:
        base, quote = book["symbol"].split("/")
        sides = zip(book["bids"][:15], book["asks"][:15], strict=False)
        return {
            "symbol": f"{quote}-{base}",
            "time": book["timestamp"],
            "units": [(*bid[:2], *ask[:2]) for bid, ask in sides],
            **dict.fromkeys(("bids", "asks", "level")),  # it does not give these
        }


class Pyupbit:
    def __init__(self, endpoint: str) -> None:
        import pyupbit
        import pyupbit.request_api
        import requests

        class Redirected:
            @staticmethod
            def get(url, **arguments):
                url = url.replace("https://api.upbit.com", endpoint)
                return requests.get(url, timeout=30, **arguments)

        pyupbit.request_api.requests = Redirected
        self.module = pyupbit
        self.kept = []

    def tickers(self) -> pl.DataFrame:
        return tickers(self.module.get_current_price(self.module.get_tickers(), verbose=True))

    def books(self) -> pl.DataFrame:
        self.kept = self.module.get_tickers(fiat="KRW")
        return self.listed()

    def listed(self) -> pl.DataFrame:
        if not self.kept:
            return self.books()
        return books([wire_book(each) for each in self.module.get_orderbook(self.kept)])


class Sdk:
    def __init__(self, endpoint: str) -> None:
        import upbit

        self.module, self.endpoint = upbit, endpoint
        self.kept = []

    def client(self):
        return self.module.Upbit(base_url=self.endpoint, max_retries=0)

    def tickers(self) -> pl.DataFrame:
        with self.client() as client:
            found = client.tickers.list_by_quote_currencies(quote_currencies=",".join(QUOTES))
            return tickers([row.to_dict() for row in found])

    def books(self) -> pl.DataFrame:
        with self.client() as client:
            names = [row.market for row in client.trading_pairs.list()]
            self.kept = [name for name in names if name.startswith("KRW-")]
            return self._books(client)

    def listed(self) -> pl.DataFrame:
        if not self.kept:
            return self.books()
        with self.client() as client:
            return self._books(client)

    def _books(self, client) -> pl.DataFrame:
        found = client.orderbooks.list(markets=",".join(self.kept), count=15)
        return books([wire_book(row.to_dict()) for row in found])


class Marketkit:
    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.module = importlib.import_module("marketkit.api.sync")
        self.folder = tempfile.TemporaryDirectory(prefix="marketkit-bench-")

    def client(self):
        return self.module.SmartDataProvider(endpoint=self.endpoint)

    def tickers(self) -> pl.DataFrame:
        with self.client() as client:
            return client.get_ticker("*")

    def books(self) -> pl.DataFrame:
        with self.client() as client:
            return client.get_orderbook("KRW-*")

    def listed(self) -> pl.DataFrame:
        """Ask as a new program does on a machine that keeps the list."""
        os.environ["MARKETKIT_CACHE"] = self.folder.name
        try:
            return self.books()
        finally:
            del os.environ["MARKETKIT_CACHE"]


CLIENTS = {"marketkit": Marketkit, "ccxt": Ccxt, "pyupbit": Pyupbit, "upbit-sdk": Sdk}


def main() -> None:
    client = CLIENTS[sys.argv[1]](sys.argv[2])
    for line in sys.stdin:
        ask = getattr(client, line.strip())
        began, cpu = time.perf_counter(), time.process_time()
        try:
            frame = ask()
            took = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}
            said = {
                **took,
                "rows": frame.height,
                "symbols": frame["symbol"].n_unique(),
                "schema": [[name, str(dtype)] for name, dtype in frame.schema.items()],
            }
        except Exception as error:  # noqa: BLE001 - a peer that fails is reported as such
            said = {"error": f"{type(error).__name__}: {error}"[:200]}
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
