"""One rate budget a machine."""
