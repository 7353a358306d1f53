"""Rules of the websocket."""

from __future__ import annotations

import pytest

from marketkit.errors import InputError
from marketkit.sandbox import StreamRules


def test_rules_that_make_no_sense_are_refused():
    for wrong in ({"idle_s": 0}, {"stray_frames": -1}, {"over_limit": "shout"}):
        with pytest.raises(InputError):
            StreamRules(**wrong)
