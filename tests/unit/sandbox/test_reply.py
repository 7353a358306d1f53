"""Headers and bodies as they go over the wire."""

from __future__ import annotations

import re

from marketkit.sandbox.reply import Reply


def test_the_headers_are_the_recorded_ones(client):
    reply = client.get("candles/minutes/1?market=KRW-BTC")
    names = [name.decode() for name, _ in reply.headers.raw]
    assert sorted(names) == sorted(
        [
            "Date",
            "Content-Type",
            "Remaining-Req",
            "Limit-By-Ip",
            "ETag",
            "Cache-Control",
            "Pragma",
            "Expires",
            "Connection",
            "Vary",
            "Content-Encoding",
            "Transfer-Encoding",
        ]
    )
    assert reply.headers["content-type"] == "application/json;charset=UTF-8"
    assert reply.headers["date"] == "Fri, 20 Nov 2026 10:17:30 GMT"
    assert re.fullmatch(r'W/"0[0-9a-f]{32}"', reply.headers["etag"])
    assert re.fullmatch(r"group=candles; min=600000; sec=\d+", reply.headers["remaining-req"])
    assert reply.headers["cache-control"] == "no-cache, no-store, max-age=0, must-revalidate"


def test_small_bodies_and_unwilling_clients_get_them_plain(client):
    small = client.get("orderbook/instruments?markets=KRW-BTC")
    plain = client.get(
        "candles/days?market=KRW-BTC&count=9", headers={"Accept-Encoding": "identity"}
    )
    for reply in (small, plain):
        assert "content-encoding" not in reply.headers
        assert int(reply.headers["content-length"]) == len(reply.content)


def test_a_header_of_a_reply_takes_the_place_of_the_right_one_in_any_case():
    right, _ = Reply(200, b"[]").wire(0, gzipped=False)
    headers, body = Reply(200, b"[]", headers=((b"date", b"never"),)).wire(0, gzipped=False)
    assert headers == [*(each for each in right if each[0] != b"Date"), (b"date", b"never")]
    assert body == b"[]"
