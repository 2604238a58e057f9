"""One JSON-RPC request, from its bytes to the response."""
