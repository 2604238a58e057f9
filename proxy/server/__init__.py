"""The proxy as processes: start, reload, stop, and workers."""
