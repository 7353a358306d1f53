"""The exchange's websocket: requests, agenda, and frames on the wire."""
