"""Choose where a run computes: one file per kind of device."""
