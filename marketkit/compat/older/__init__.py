"""The provider that marketkit took the place of: its calls, arguments and answers."""
