"""Run the command line after a SIGSTOP, so that another process can attach to this one before its first system call."""

from __future__ import annotations

import os
import signal
import sys

if __name__ == "__main__":
    os.kill(os.getpid(), signal.SIGSTOP)
    from homotopy_bench.cli.train import main

    sys.exit(main())
