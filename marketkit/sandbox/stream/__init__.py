"""The exchange's websocket: requests, the agenda, and messages on the wire."""
