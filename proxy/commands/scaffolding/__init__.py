"""Drafts the adapters between two versions from what a live node answers at both.

`exchanges` asks and records, `learning` and `conditions` find out how one version's objects are made of the other's,
`methods` does so method by method, errors included, `trial` measures a draft, `writing` and
`specification` write the folder, `report` says what it covers.
"""
