"""Where Hydra looks for plugins; what they do is in ``homotopy_bench.sweeps.studies``."""
