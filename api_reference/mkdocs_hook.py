"""Adds the API reference, which `make docs` writes next to the pages of mkdocs, to their navigation."""

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.nav import Link, Navigation


def on_nav(nav: Navigation, config: MkDocsConfig, files: Files) -> Navigation:
    """The event of mkdocs when it has made the navigation."""
    nav.items.append(Link("API reference", "reference/index.html"))
    return nav
