"""Hydra launchers: run the jobs of a multirun fused into ensembles, or on joblib, submitit and Ray."""
