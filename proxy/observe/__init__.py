"""What is seen from outside: metrics, log lines, and the endpoints that give them."""
