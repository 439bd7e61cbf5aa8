"""Run ``python -m homotopy_bench`` as ``homotopy-train``."""

import sys

from homotopy_bench.cli.train import main

sys.exit(main())
