"""Command lines: parse the arguments, call the rooms below, print one line for every error."""
