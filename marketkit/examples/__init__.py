"""Programs over the public calls, to read and to begin from."""
