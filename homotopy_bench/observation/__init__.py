"""Say when a run measures the landscape around its network."""
