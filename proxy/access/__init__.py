"""Access: the client's address, which methods it may call, and admission by rate and concurrency."""
