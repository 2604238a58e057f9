"""Where clients connect: addresses and certificates, who is let in, and how long slow clients are waited for."""
