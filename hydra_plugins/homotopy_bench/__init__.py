"""Where Hydra looks for plugins; what they do is in :mod:`homotopy_bench.sweeps`."""
