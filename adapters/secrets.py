"""The parameters that contain a key; a signing request has exactly one of them (rippled's `RPCHelpers.cpp`)."""

KEY_PARAMS = ("secret", "seed", "seed_hex", "passphrase")
