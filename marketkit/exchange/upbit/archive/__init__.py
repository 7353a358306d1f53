"""The exchange's archive of zip files, in the words of `exchange/dialect.py`; nothing sends."""
