"""The API: one call in, one frame out."""
