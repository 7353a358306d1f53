"""How to send: one loop, one budget a machine, one careful sender."""

import logging

logging.getLogger("marketkit.net").addHandler(logging.NullHandler())
