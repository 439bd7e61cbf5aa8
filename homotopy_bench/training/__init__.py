"""Train the M members of an ensemble: the loop, the path, the learning rates, the scores, the checkpoints."""
