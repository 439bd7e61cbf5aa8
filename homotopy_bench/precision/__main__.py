"""``python -m homotopy_bench.precision``: the same as ``homotopy-precision``."""

import sys

from homotopy_bench.precision.cli import main

sys.exit(main())
