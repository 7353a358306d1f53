"""The contents of the lake, as frames."""
