"""The commands of `marketkit`: one `COMMAND` in each module here."""
