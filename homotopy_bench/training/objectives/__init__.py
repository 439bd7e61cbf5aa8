"""What networks learn from samples, one file each: how their logits are scored."""
