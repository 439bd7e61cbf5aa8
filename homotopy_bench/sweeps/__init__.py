"""Many runs from one command: which of them train as one program, and, in ``studies``, the Optuna sweeper."""
