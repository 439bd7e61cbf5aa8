"""Tell how many bits the parameters of a network need: bounds from its curvature, and the measurement beside them.

``measurement.py`` puts together the figures of a network: |g|, |H| (``spectral_norm.py``) and |theta|, from them bits
(``bounds.py``), the effects of rounding the parameters (``rounding.py``), and a number format with enough bits and
range (``formats.py``).
"""
