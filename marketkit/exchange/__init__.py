"""What to say to an exchange and how to read it; no sockets, no clock, no files."""
