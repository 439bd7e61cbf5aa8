"""Measure the loss around networks: curvature, sharpness, what lies between two of them, slices.

A metric takes M networks of one architecture as rows (``networks.py``) and samples of one split, and returns a
:class:`~homotopy_bench.landscape.measurement.Measurement` by name: a value for each network with its error, its cost,
whether it converged, and the convention it followed. One metric a file; none of them knows runs or folders.
"""
