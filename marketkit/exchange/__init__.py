"""The dialects of exchanges: requests and parsing; no sockets, no clock, no files."""
