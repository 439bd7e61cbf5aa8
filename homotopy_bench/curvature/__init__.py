"""Second derivatives of the members' losses: products, extreme eigenvalues, spectral densities, traces.

A curvature operator takes one vector per member, shape (M, Q), to its product with the member's matrix. The routines
know nothing else of the matrix, so that they serve Hessians, generalised Gauss-Newton matrices and explicit ones.
``point.py`` makes the losses a function of the chosen parameters, ``products.py`` and ``forward_over_reverse.py`` make
operators of it. ``lanczos.py``, ``largest.py`` and ``density.py`` read the Krylov spaces that ``krylov.py`` grows. What
is one number for each member comes back as ``estimate.py`` describes.
"""
