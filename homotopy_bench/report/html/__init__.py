"""Make one page of a report: self-contained, offline, readable without JavaScript and better with it.

Each file draws one figure or writes one part; ``page`` puts them together. Text becomes markup in ``markup`` alone.
"""
