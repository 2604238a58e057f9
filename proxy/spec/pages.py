"""The frame of the pages for people, and the overview of all versions, as HTML.

The pages are generated from the documents, contain everything they need, and run no scripts. `/spec` on the observe
address serves them, and the reference of the documentation site has them.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from itertools import combinations
from typing import NamedTuple

from adapters import VERSIONS
from proxy.spec import asyncapi, changes, openapi, versions
from proxy.spec.reading import Reading


class Addresses(NamedTuple):
    """Where the pages are, relative to each other, and what they link to; `{…}` as in `str.format`."""

    overview: str
    pair: str
    openapi: str
    asyncapi: str
    http: str = ""
    """The reference of a version for JSON-RPC over HTTP, empty for none; `#` and a method's name may follow."""
    websocket: str = ""
    notices: str = ""
    """The licences of what the reference contains, empty for none."""

    def reference(self, version: int, method: str = "") -> Iterator[tuple[str, str]]:
        """The addresses and titles of the references of a version, or of a method in it."""
        anchor = f"#{method}" if method else ""
        for address, kind in ((self.http, "HTTP"), (self.websocket, "WebSocket")):
            if address and (kind != "HTTP" or not method or method in _over_http(version)):
                yield address.format(version=version) + anchor, f"version {version}, {kind}"


@cache
def _over_http(version: int) -> frozenset[str]:
    return frozenset(path.removeprefix("/") for path in openapi(version)["paths"])


def pairs() -> list[tuple[int, int]]:
    """Every two versions, the older one first."""
    return list(combinations(versions(), 2))


@cache
def overview(addresses: Addresses) -> str:
    """The page with all versions, their documents and comparisons, as HTML."""
    return "".join(page("XRP Ledger API", addresses, addresses.overview, _overview(addresses)))


def policy() -> str:
    """The Content-Security-Policy of the pages: their own style, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


@cache
def _style() -> str:
    return files("proxy.spec").joinpath("comparison.css").read_text(encoding="utf-8")


def page(title: str, addresses: Addresses, address: str, body: Iterable[str]) -> Iterator[str]:
    """A whole page around `body`, which is at `address`."""
    yield head(title, policy())
    yield f'<style>{_style()}</style><a class="skip" href="#content">Skip to the content</a>'
    yield f"<header>{navigation(addresses, address)}</header>"
    yield from body
    yield "</html>\n"


def head(title: str, content_security_policy: str) -> str:
    """The beginning of a page."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{content_security_policy}">'
        f'<title>{title}</title><link rel="icon" href="data:,">'
    )


def navigation(addresses: Addresses, current: str) -> str:
    """Links to the overview and to every comparison. `current`: the address of the page that has them."""
    links = {addresses.overview: "All versions"}
    links |= {addresses.pair.format(older=older, newer=newer): both(older, newer) for older, newer in pairs()}
    here = ' aria-current="page"'
    listed = (f'<a href="{link}"{here if link == current else ""}>{words}</a>' for link, words in links.items())
    return f'<nav aria-label="Versions">{" · ".join(listed)}</nav>'


def _overview(addresses: Addresses) -> Iterator[str]:
    yield '<main id="content"><h1>XRP Ledger API</h1>'
    yield "<p>Every method and stream message of rippled and Clio, in each API version."
    yield "<table><thead><tr><th>Version<th>Documents"
    yield "<th>Reference" if addresses.http else ""
    yield "</thead><tbody>"
    for version in versions():
        documents = (addresses.openapi, "OpenAPI"), (addresses.asyncapi, "AsyncAPI")
        yield f"<tr><th scope=row>{beta(version)}<td>"
        yield ", ".join(f'<a href="{link.format(version=version)}">{words}</a>' for link, words in documents)
        if addresses.http:
            yield f"<td>{linked(addresses.reference(version))}"
    yield "</tbody></table><h2>Versions side by side</h2><ul>"
    for older, newer in pairs():
        address = addresses.pair.format(older=older, newer=newer)
        changed = {name for change in changes(older, newer) for name in (change.subject, *change.within)}
        methods = Reading(asyncapi(older)).methods.keys() | Reading(asyncapi(newer)).methods.keys()
        differing = linked((f"{address}#{name}", name) for name in sorted(changed & methods))
        yield f'<li><p><a href="{address}">{both(older, newer)}</a>. Methods that differ: {differing}'
    yield "</ul>"
    if addresses.notices:
        yield f'<p class="quiet"><a href="{addresses.notices}">Licences</a> of the software in this reference.'
    yield "</main>"


def linked(found: Iterable[tuple[str, str]]) -> str:
    """Links, of addresses and titles."""
    return ", ".join(f'<a href="{address}">{words}</a>' for address, words in found)


def both(older: int, newer: int) -> str:
    """The title of two versions."""
    return f"Versions {older} and {newer}{' (beta)' if VERSIONS.is_beta(newer) else ''}"


def beta(version: int) -> str:
    """The title of a version."""
    return f"Version {version}{' (beta)' if VERSIONS.is_beta(version) else ''}"
