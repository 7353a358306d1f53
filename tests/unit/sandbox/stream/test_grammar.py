"""What a message asks for."""

from __future__ import annotations

import json

import pytest

from marketkit.sandbox.stream.grammar import (
    CHANNELS,
    FORMS,
    Key,
    StreamError,
    Wish,
    listing,
    parse,
)

BOTH = Wish(snapshot=True, realtime=True)
TICKER = {"type": "ticker", "codes": ["KRW-BTC"]}


def ask(*objects):
    return parse(json.dumps(objects))


def test_the_objects_may_come_in_any_order():
    objects = [{"ticket": "x"}, TICKER, {"format": "SIMPLE"}]
    first = ask(*objects)
    assert first == ask(*reversed(objects)) == ask(objects[1], objects[2], objects[0])
    assert (first.ticket, first.form) == ("x", "SIMPLE")
    assert first.wishes() == {Key("ticker", "KRW-BTC"): BOTH}


def test_without_a_format_it_is_the_default():
    assert ask({"ticket": "x"}, TICKER).form == "DEFAULT"


@pytest.mark.parametrize("form", FORMS)
def test_every_format_is_known(form):
    assert ask({"ticket": "x"}, TICKER, {"format": form}).form == form


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_type_is_known(channel):
    (key,) = ask({"ticket": "x"}, {"type": channel, "codes": ["KRW-BTC"]}).wishes()
    assert key[:2] == (channel, "KRW-BTC")


def test_a_type_may_come_many_times_with_other_codes_and_levels():
    request = ask(
        {"ticket": "x"},
        TICKER,
        {"type": "ticker", "codes": ["KRW-ETH"]},
        {"type": "orderbook", "codes": ["KRW-BTC.5", "KRW-BTC"], "level": 10000},
        {"type": "orderbook", "codes": ["KRW-BTC"], "level": "0"},
    )
    assert list(request.wishes()) == [
        Key("ticker", "KRW-BTC"),
        Key("ticker", "KRW-ETH"),
        Key("orderbook", "KRW-BTC", 5, 10000.0),
        Key("orderbook", "KRW-BTC", 30, 10000.0),
        Key("orderbook", "KRW-BTC", 30, 0.0),
    ]


@pytest.mark.parametrize(
    ("flags", "wish"),
    [
        ({}, BOTH),
        ({"is_only_snapshot": True}, Wish(snapshot=True, realtime=False)),
        ({"isOnlyRealtime": True}, Wish(snapshot=False, realtime=True)),
        ({"is_only_snapshot": False, "isOnlySnapshot": False}, BOTH),
    ],
)
def test_flags_say_what_is_wanted(flags, wish):
    assert ask({"ticket": "x"}, TICKER | flags).wishes() == {Key("ticker", "KRW-BTC"): wish}


def test_a_stream_asked_for_twice_is_wished_for_in_full():
    request = ask(
        {"ticket": "x"},
        TICKER | {"is_only_snapshot": True},
        TICKER | {"is_only_realtime": True},
    )
    assert request.wishes() == {Key("ticker", "KRW-BTC"): BOTH}


@pytest.mark.parametrize(
    ("message", "name"),
    [
        (b"\xff\xfe", "WRONG_FORMAT"),
        ("", "WRONG_FORMAT"),
        ("[1]", "WRONG_FORMAT"),
        ('[{"ticket":"x"},{"type":"ticker","codes":["KRW-BTC"]},{"format":"XML"}]', "WRONG_FORMAT"),
        ('[{"ticket":"x"},{"type":"ticker","codes":"KRW-BTC"}]', "WRONG_FORMAT"),
        ('[{"ticket":"x"},{"type":"ticker","codes":[1]}]', "WRONG_FORMAT"),
        ("[]", "NO_TICKET"),
        ('[{"ticket":""},{"type":"ticker","codes":["KRW-BTC"]}]', "NO_TICKET"),
        ('[{"ticket":7},{"type":"ticker","codes":["KRW-BTC"]}]', "NO_TICKET"),
        ('[{"ticket":"x"},{"format":"SIMPLE"}]', "NO_TYPE"),
        ('[{"ticket":"x"},{"type":"ticker","codes":[]}]', "NO_CODES"),
        ('[{"ticket":"x"},{"type":null,"codes":["KRW-BTC"]}]', "INVALID_PARAM"),
        ('[{"ticket":"x"},{"type":["a"],"codes":["KRW-BTC"]}]', "INVALID_PARAM"),
        ('[{"ticket":"x"},{"type":"orderbook","codes":["KRW-BTC"],"level":"a"}]', "INVALID_PARAM"),
        ('[{"ticket":"x"},{"type":"orderbook","codes":["KRW-BTC"],"level":[]}]', "INVALID_PARAM"),
    ],
)
def test_what_makes_no_sense_has_its_error(message, name):
    with pytest.raises(StreamError) as error:
        parse(message)
    assert json.loads(error.value.body)["error"]["name"] == name


def test_a_listing_is_asked_for_by_its_method_in_any_case_of_order():
    request = ask({"method": "LIST_SUBSCRIPTIONS"}, {"format": "SIMPLE"}, {"ticket": "x"})
    assert (request.parts, request.form) == ((), "SIMPLE")
    assert listing(request, (), simple=True) == (
        '{"mthd":"LIST_SUBSCRIPTIONS","rslt":[],"tckt":"x"}'
    )
