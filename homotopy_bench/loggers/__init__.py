"""Trackers beside the record, one file each."""
