"""Couple the copies of a network: the levels of L, the splits of the parameters, the update rules, one per file."""
