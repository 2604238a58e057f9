"""The observe address: metrics, health, readiness, the page, and who uses which version."""
