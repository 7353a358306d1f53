"""The exchange's websocket: what is asked, what is due, and how it goes over the wire."""
