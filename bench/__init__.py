"""What the proxy costs, compared with the alternatives: `make bench`, explained in docs/performance.md."""
