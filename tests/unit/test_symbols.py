"""What callers may call a market, and what is refused before anything is asked."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkit.errors import InputError, UnknownSymbol
from marketkit.symbols import is_glob, listed, matches, resolve

KNOWN = ["KRW-BTC", "KRW-ETH", "KRW-ETC", "BTC-ETH", "USDT-BTC", "KRW-A", "KRW-2Z"]
codes = st.from_regex(r"\A(KRW|BTC|USDT)-[A-Z0-9]{1,6}\Z")


@pytest.mark.parametrize(
    ("typed", "native"),
    [
        ("KRW-BTC", "KRW-BTC"),
        ("BTC/KRW", "KRW-BTC"),
        ("A/KRW", "KRW-A"),
        (" KRW-BTC ", "KRW-BTC"),
        ("KRW-2Z", "KRW-2Z"),
        ("KRW-*", "KRW-*"),
        ("*/KRW", "KRW-*"),
        ("*", "*"),
        ("???-BTC", "???-BTC"),
        ("KRW-[AB]*", "KRW-[AB]*"),
        ("KRW-[!A]*", "KRW-[!A]*"),
    ],
)
def test_one_name_is_spelt_natively(typed, native):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert listed(typed) == [native]


@pytest.mark.parametrize(
    ("typed", "native"), [("krw-btc", "KRW-BTC"), ("btc/krw", "KRW-BTC"), ("Krw-*", "KRW-*")]
)
def test_lower_case_is_taken_with_a_warning(typed, native):
    with pytest.warns(UserWarning, match=f"taken as '{native.replace('*', '.')}'"):
        assert listed(typed) == [native]


@settings(deadline=None)
@given(st.lists(codes, min_size=1))
def test_order_is_kept_and_duplicates_are_dropped(symbols):
    once = listed(symbols)
    assert once == sorted(set(symbols), key=symbols.index)


def test_two_spellings_of_one_market_are_one_market():
    assert listed(["BTC/KRW", "KRW-BTC", "KRW-ETH"]) == ["KRW-BTC", "KRW-ETH"]


@pytest.mark.parametrize("many", [("KRW-BTC",), {"KRW-BTC"}, iter(["KRW-BTC"]), {"KRW-BTC": 1}])
def test_any_iterable_of_names_will_do(many):
    assert listed(many) == ["KRW-BTC"]


@pytest.mark.parametrize("none", [[], (), set(), iter([])])
def test_no_symbols_at_all_is_bad_input(none):
    with pytest.raises(InputError, match="empty"):
        listed(none)


@pytest.mark.parametrize(
    "bad", [[None], [5], [b"KRW-BTC"], ["KRW-BTC", 1.5], [["KRW-BTC"]], b"KRW-BTC", 5, None]
)
def test_what_is_no_string_is_bad_input(bad):
    with pytest.raises(InputError, match="symbol"):
        listed(bad)


@pytest.mark.parametrize(
    "bad",
    [
        "../x",
        "../../etc/passwd",
        "..",
        "/",
        "KRW-BTC/../x",
        "KRW/..",
        "../*",
        "KRW-*/..",
        "KRW\\BTC",
        "KRW-BTC\0",
        "KRW-BTC\nKRW-ETH",
        "KRW-BTC,KRW-ETH",
        "KRW-BTC&count=1",
        "KRW_BTC",
        "KRW-",
        "-BTC",
        "KRWBTC",
        "KRW-BTC-ETH",
        "KRW--BTC",
        "비트코인",
        "",
        " ",
        "BTC/KRW/X",
        "C:\\x",
        "~",
    ],
)
def test_what_can_be_no_symbol_is_unknown_before_anybody_is_asked(bad):
    with pytest.raises(UnknownSymbol) as caught:
        listed(["KRW-BTC", bad])
    assert caught.value.symbol == bad
    assert isinstance(caught.value, InputError)


@settings(deadline=None)
@given(st.text(max_size=12))
def test_whatever_is_let_through_can_be_no_path_and_no_query(text):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            (native,) = listed(text)
        except UnknownSymbol:
            return
    assert native.isascii()
    assert not set(native) & set("./\\&=%,:;~ \0\n")


def test_resolving_gives_the_listed_markets_sorted():
    assert resolve(["KRW-ETH", "BTC/KRW"], KNOWN) == ["KRW-BTC", "KRW-ETH"]
    assert resolve("KRW-E*", KNOWN) == ["KRW-ETC", "KRW-ETH"]
    assert resolve(["KRW-E*", "KRW-ETH", "*-ETH"], KNOWN) == ["BTC-ETH", "KRW-ETC", "KRW-ETH"]
    assert resolve("*", KNOWN) == sorted(KNOWN)


def test_an_unlisted_market_fails_with_the_nearest_names():
    with pytest.raises(UnknownSymbol, match=r"'KRW-BCT'; did you mean 'KRW-BTC'"):
        resolve(["KRW-ETH", "KRW-BCT"], KNOWN)


def test_a_glob_that_matches_nothing_fails():
    with pytest.raises(UnknownSymbol, match=r"SGD-\*"):
        resolve(["KRW-BTC", "SGD-*"], KNOWN)


@settings(deadline=None)
@given(st.lists(codes, min_size=1, unique=True), st.data())
def test_a_quote_glob_gives_exactly_the_markets_of_that_quote(known, data):
    quote = data.draw(st.sampled_from([code.split("-")[0] for code in known]))
    assert resolve(f"{quote}-*", known) == sorted(c for c in known if c.split("-")[0] == quote)


def test_one_symbol_matches_itself_only():
    assert matches("KRW-A", KNOWN) == ["KRW-A"]
    assert not is_glob("KRW-A")
    assert is_glob("KRW-[AB]")
    assert is_glob("KRW-?")
