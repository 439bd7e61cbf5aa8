"""Compare two networks: what lies between them, straight and bent, as they are and with their units matched.

``symmetries.py`` reads off an architecture which permutations of units change no output, ``balancing.py`` and
``matching.py`` choose among the equivalent networks the one that is nearest to another, ``chords.py`` and ``curves.py``
lead from one to the other, and ``barriers.py`` measures what is met on the way.
"""
