"""Third-party clients of the same exchange, in an environment of their own."""
