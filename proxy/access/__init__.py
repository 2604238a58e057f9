"""Who may ask for what: the client's address, the method policy, and admission."""
