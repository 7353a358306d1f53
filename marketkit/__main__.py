"""`python -m marketkit` is the command line."""

from marketkit.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
