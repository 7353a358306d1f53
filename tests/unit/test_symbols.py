"""What callers may call a market, and what is refused before anything is asked."""

from __future__ import annotations

import unicodedata
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkit.errors import InputError, UnknownSymbol
from marketkit.symbols import (
    file_name,
    is_code,
    is_glob,
    is_name,
    is_native,
    matches,
    resolve,
    symbol_of,
    typed,
)

KNOWN = ["KRW-BTC", "KRW-ETH", "KRW-ETC", "BTC-ETH", "USDT-BTC", "KRW-A", "KRW-2Z"]
codes = st.from_regex(r"\A(KRW|BTC|USDT)-[A-Z0-9]{1,6}\Z")


@pytest.mark.parametrize(
    ("text", "native"),
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
def test_one_name_is_spelt_natively(text, native):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert typed(text) == [native]


@pytest.mark.parametrize(
    ("text", "native"), [("krw-btc", "KRW-BTC"), ("btc/krw", "KRW-BTC"), ("Krw-*", "KRW-*")]
)
def test_lower_case_is_taken_with_a_warning_unless_that_is_not_wanted(text, native):
    with pytest.warns(UserWarning, match=f"taken as '{native.replace('*', '.')}'") as warned:
        assert typed(text) == [native]
    assert warned[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert typed(text, aloud=False) == [native]


@settings(deadline=None)
@given(st.lists(codes, min_size=1))
def test_order_is_kept_and_duplicates_are_dropped(symbols):
    once = typed(symbols)
    assert once == sorted(set(symbols), key=symbols.index)


def test_two_spellings_of_one_market_are_one_market():
    assert typed(["BTC/KRW", "KRW-BTC", "KRW-ETH"]) == ["KRW-BTC", "KRW-ETH"]


@pytest.mark.parametrize("many", [("KRW-BTC",), {"KRW-BTC"}, iter(["KRW-BTC"]), {"KRW-BTC": 1}])
def test_any_iterable_of_names_will_do(many):
    assert typed(many) == ["KRW-BTC"]


@pytest.mark.parametrize("none", [[], (), set(), iter([])])
def test_no_symbols_at_all_is_bad_input(none):
    with pytest.raises(InputError, match="empty"):
        typed(none)


@pytest.mark.parametrize(
    "bad", [[None], [5], [b"KRW-BTC"], ["KRW-BTC", 1.5], [["KRW-BTC"]], b"KRW-BTC", 5, None]
)
def test_what_is_no_string_is_bad_input(bad):
    with pytest.raises(InputError, match="symbol"):
        typed(bad)


NONE = [
    "../x",
    "../../etc/passwd",
    "..",
    "/",
    "KRW/..",
    "../*",
    "KRW-*/..",
    "KRW\\BTC",
    "KRW-BTC\0",
    "KRW-BTC\nKRW-ETH",
    "KRW-",
    "-BTC",
    "비트코인",
    "",
    " ",
    "BTC/KRW/X",
    "C:\\x",
    "~",
]
SLIPS = ["KRW_BTC", "KRWBTC", "BTC", "btc:krw"]


@pytest.mark.parametrize("bad", NONE)
def test_what_can_be_no_symbol_is_unknown_before_anybody_is_asked(bad):
    with pytest.raises(UnknownSymbol) as caught:
        typed(["KRW-BTC", bad], slips=False)
    assert caught.value.symbol == bad
    assert isinstance(caught.value, InputError)


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_left_to_a_list_of_markets_or_refused_with_what_is_meant(slip):
    assert typed([slip, "KRW-ETH"]) == [slip, "KRW-ETH"]
    with pytest.raises(UnknownSymbol, match=r"did you mean 'KRW-BTC'"):
        typed(["KRW-ETH", slip], slips=False)


@settings(deadline=None)
@given(st.text(max_size=12))
def test_whatever_is_let_through_is_spelt_natively_or_may_be_the_code_of_a_market(text):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            (spelt,) = typed(text, slips=False)
        except UnknownSymbol:
            return
    if is_glob(spelt):
        assert set(spelt) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789*?[]!-")
    else:
        assert is_native(spelt) or is_code(spelt)


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


ODD = ["USDT-币安人生", "KRW-BRK.B", "KRW-abc", "KRW-A B", "KRW-A/B", "KRW-..", "KRW-A-B"]


def test_a_code_that_a_list_has_is_meant_however_odd():
    known = frozenset([*KNOWN, *ODD])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert typed(ODD, known) == ODD
        assert typed([*ODD[:2], "KRW-A/B"]) == [*ODD[:2], "KRW-A/B"]  # a list may have them
    assert resolve(ODD, known) == sorted(ODD)
    assert resolve("USDT-*", known) == ["USDT-BTC", "USDT-币安人生"]


def test_another_case_means_the_one_code_that_differs_in_nothing_else():
    assert matches("KRW-ABC", [*KNOWN, "KRW-abc"]) == ["KRW-abc"]
    assert matches("KRW-ABC", [*KNOWN, "KRW-abc", "KRW-ABC"]) == ["KRW-ABC"]
    with pytest.raises(UnknownSymbol):
        matches("KRW-ABC", [*KNOWN, "KRW-abc", "KRW-aBc"])


@pytest.mark.parametrize(
    "slip", ["BTC-KRW", "BTC", "btc", "BTCKRW", "KRWBTC", "KRW_BTC", "btc:krw"]
)
def test_a_market_spelt_in_another_way_is_suggested(slip):
    with pytest.raises(UnknownSymbol, match=r"did you mean 'KRW-BTC'"):
        matches(slip, KNOWN)


@settings(deadline=None)
@given(st.text(max_size=12), st.text(max_size=12))
def test_the_names_of_files_are_safe_reversible_and_differ_whatever_a_file_system_ignores(one, two):
    codes = [code for code in (f"KRW-{one}", f"{two}-B", one, two) if is_code(code)]
    names = [file_name(code) for code in codes]
    assert [symbol_of(name) for name in names] == codes
    assert [symbol_of(unicodedata.normalize("NFD", name)) for name in names] == codes
    assert len({name.casefold() for name in names}) == len(set(codes))
    for name in names:
        assert not set(name) & set('/\\:*?"<>| \0\n')
        assert name.strip(". ") == name


@pytest.mark.parametrize("name", ["krw-btc", "KRW-%41", "KRW-%4", "KRW-%FF", "KRW", "..", "KRW-A."])
def test_a_name_that_is_given_to_no_code_is_none(name):
    assert symbol_of(name) is None


def test_no_name_is_that_of_a_device():
    assert [file_name(code) for code in ("CON-A", "NUL.X-A", "COM1")] == [
        "CON-A",
        "%4EUL.X-A",
        "%43OM1",
    ]


@pytest.mark.parametrize("name", ["비트코인", " 이더리움 ", "비트코인 캐시", "엑스(구)"])
def test_a_korean_name_is_left_to_a_list(name):
    assert typed(name) == [name.strip()]
    assert is_name(name)
    with pytest.raises(UnknownSymbol):
        typed(name, slips=False)


@pytest.mark.parametrize(
    "symbol", ["KRW-BTC", "bitcoin", "USDT-币安人生", "../비트", "", None, "비" * 99]
)
def test_codes_and_paths_are_no_names(symbol):
    assert not is_name(symbol)
