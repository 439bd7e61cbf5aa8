"""Take one run, or M runs of one program, from configuration to record."""
