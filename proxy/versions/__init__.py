"""API versions: negotiation (XLS-22), sunset, and running the adapters."""
