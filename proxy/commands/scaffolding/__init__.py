"""Drafts the adapters between two versions from a live node's responses in both.

`exchanges` makes requests and records them, `learning` and `conditions` derive how one version's objects are made from
the other's, `methods` does so for each method, including errors, `trial` measures a draft, `writing` and
`models` write the folder, `report` describes its coverage.
"""
