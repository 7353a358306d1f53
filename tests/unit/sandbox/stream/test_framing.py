"""Frames, as another implementation of the protocol reads them."""

from __future__ import annotations

import json

import pytest
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from marketkit.sandbox.stream.framing import Message, deflated, frame

TAKEOVER = (True, False)  # the server starts every message anew, the client need not
SIZES = [0, 1, 63, 64, 125, 126, 65_535, 65_536, 200_000]


def read(data, bits=0):
    """Return the messages a client makes of bytes."""
    protocol = ClientProtocol(parse_uri("ws://127.0.0.1/"), state=State.OPEN, max_size=None)
    if bits:
        protocol.extensions = [PerMessageDeflate(*TAKEOVER, bits, 15)]
    protocol.receive_data(data)
    frames = protocol.events_received()
    assert all(part.fin and part.opcode is Opcode.BINARY for part in frames)
    return [bytes(part.data) for part in frames]


@pytest.mark.parametrize("size", SIZES)
def test_a_message_of_any_size_is_read_back(size):
    payload = bytes(number % 251 for number in range(size))
    assert read(frame(payload) * 2) == [payload] * 2


@pytest.mark.parametrize("bits", [9, 12, 15])
@pytest.mark.parametrize("size", SIZES)
def test_a_compressed_message_is_read_back_in_its_window(size, bits):
    payload = b"".join(b'{"code":"KRW-%d"}' % number for number in range(size // 10 + 1))[:size]
    assert read(deflated(payload, bits) * 2, bits) == [payload] * 2


def test_compression_makes_a_book_smaller():
    payload = json.dumps(
        [{"ask_price": 100_000 + n, "ask_size": n / 7} for n in range(60)]
    ).encode()
    assert len(deflated(payload, 12)) < len(payload) / 2


def test_a_message_is_spelled_once_for_each_format_and_compression():
    spelled = []

    def spell(simple):
        spelled.append(simple)
        return '{"ty":1}' if simple else '{"type":1}'

    message = Message(spell)
    for _ in range(3):
        assert read(message.wire("DEFAULT", 0)) == [b'{"type":1}']
        assert read(message.wire("SIMPLE_LIST", 0)) == [b'[{"ty":1}]']
        assert read(message.wire("JSON_LIST", 12), 12) == [b'[{"type":1}]']
    assert spelled == [False, True, False]
