"""What the proxy costs, beside what else one would use: `make bench`, told in docs/performance.md."""
