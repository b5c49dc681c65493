"""Trackers by name: each file offers ``open_tracker(folder, run)``, which returns a ``Tracker``."""
