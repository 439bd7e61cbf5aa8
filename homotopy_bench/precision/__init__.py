"""How many bits do the parameters of a network need? Bounds from its curvature, and the measurement beside them.

``point.py`` brings the network, ``figures.py`` measures |g|, |H| and |theta| there, ``bounds.py`` turns them into bits,
``validation.py`` rounds the parameters and sees, ``ranges.py`` looks at overflow and underflow, ``recommendation.py``
names a number format. ``quadratics.py`` tests the bounds where everything is known.
"""
