"""How to send: one loop, one budget a machine, one careful sender."""
