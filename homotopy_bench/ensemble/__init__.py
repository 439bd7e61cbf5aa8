"""Parameters of all members in one matrix theta, a row per member, and batched forward passes over them."""
