"""Checks the adapters against a live node: its native responses compared with translated ones.

`samples` finds accounts, transactions and so on, `requests` makes requests with them, `node` sends these at a limited
rate, `answers` and `streams` compare, `report` summarises.
"""
