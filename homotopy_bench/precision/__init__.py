"""Tell how many bits the parameters of a network need: bounds from its curvature, and the measurement beside them.

``measurement.py`` measures |g|, |H| (``spectral_norm.py``) and |theta|, from them bits (``bounds.py``), the effects of
rounding the parameters (``rounding.py``), and chooses a number format with enough bits and range (``formats.py``).
"""
