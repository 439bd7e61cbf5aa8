"""Tell how many bits the parameters of a network need: bounds from its curvature, and the measurement beside them.

``point.py`` brings the network, ``measurement.py`` measures |g|, |H| and |theta| there, ``bounds.py`` turns them into
bits, ``validation.py`` rounds the parameters and sees, ``ranges.py`` looks at overflow and underflow,
``recommendation.py`` names a number format.
"""
