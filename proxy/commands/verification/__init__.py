"""Proof against a live node: what it answers natively, compared with what the adapters make of its other version.

`subjects` finds what to ask about, `questions` makes requests of it, `node` asks at a bounded rate, `answers` and
`pushed` compare, `report` tells.
"""
