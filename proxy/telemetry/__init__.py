"""What is recorded of each request: metrics, log lines, traces and client usage."""
