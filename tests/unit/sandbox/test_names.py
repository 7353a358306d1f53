"""Which markets the seeded exchange lists."""

from __future__ import annotations

from collections import Counter

from marketkit.sandbox.names import COINS, coin_names, seeded_symbols


def test_every_market_is_listed_once_and_none_quotes_itself():
    symbols = [symbol for symbol, _ in seeded_symbols()]
    assert len(symbols) == len(set(symbols))
    assert all(quote != base for quote, base in (symbol.split("-") for symbol in symbols))
    assert "BTC-USDT" not in symbols


def test_ranks_count_from_the_busiest_of_each_quote():
    ranks = Counter(symbol.partition("-")[0] for symbol, rank in seeded_symbols() if rank == 0)
    assert ranks == {"KRW": 1, "BTC": 1, "USDT": 1}
    assert dict(seeded_symbols())["KRW-BTC"] == dict(seeded_symbols())["BTC-ETH"] == 0


def test_a_made_up_coin_has_a_name_of_its_code():
    assert coin_names("BTC") == COINS["BTC"] == ("비트코인", "Bitcoin")
    assert coin_names("MK007") == ("가상코인MK007", "Made-up MK007")
