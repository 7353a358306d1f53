"""What the lake has, as frames."""
