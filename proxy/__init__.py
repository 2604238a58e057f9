"""A proxy in front of XRP Ledger nodes of one API version, for clients of every API version."""

__version__ = "0.1.0"
