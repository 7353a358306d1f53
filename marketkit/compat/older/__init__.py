"""The provider that marketkit replaces: calls, arguments and answers."""
