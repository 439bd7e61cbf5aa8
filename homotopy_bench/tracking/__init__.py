"""Keep the record of a run on disk, and show it while it grows."""
