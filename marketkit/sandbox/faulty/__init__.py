"""Faulty answers: which request or frame a fault strikes, and the bytes that go out then."""
