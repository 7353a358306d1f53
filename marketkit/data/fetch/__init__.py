"""Gaps become walks, walks become pages."""
