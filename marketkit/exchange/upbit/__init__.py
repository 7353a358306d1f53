"""The dialect of Upbit."""
