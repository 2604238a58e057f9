"""How many sessions, subscriptions and requests a second one core and 1 GB serve, with a mix like real clients'."""
