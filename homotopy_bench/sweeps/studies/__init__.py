"""Many runs from one command: the Optuna sweeper."""
