"""What Hydra finds by itself; the code stands in :mod:`homotopy_bench`."""
