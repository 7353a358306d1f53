"""Texts that harm whoever shows them, inside JSON that is right."""

from __future__ import annotations

import json

from marketkit.sandbox.faulty.text import HOSTILE, ahead, error_body, named


def test_the_text_has_commands_lines_and_turned_directions():
    assert {"\x1b", "\x9b", "\n", "\r", "\x00", "\u202e", "\u2066", "\u2028"} <= set(HOSTILE)


def test_bodies_with_the_text_are_json():
    assert json.loads(error_body(HOSTILE)) == {"error": {"name": HOSTILE, "message": HOSTILE}}
    row = json.loads(named('{"market":"A","korean_name":"b","english_name":"c"}', HOSTILE))
    assert row == {"market": "A", "korean_name": HOSTILE + "b", "english_name": HOSTILE + "c"}


def test_every_stamp_of_a_frame_moves_and_nothing_else():
    assert ahead('{"tms":5,"tp":5,"ttms":6}', 10) == '{"tms":15,"tp":5,"ttms":16}'
    assert ahead('{"trade_timestamp":1,"timestamp":2}', 1) == '{"trade_timestamp":2,"timestamp":3}'
