"""Processes: start, reload, stop, and workers."""
