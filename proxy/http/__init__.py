"""HTTP/1.1 for clients: listeners and their connections, requests and responses, time limits and connection limits."""
