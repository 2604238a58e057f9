"""Write the API reference into a folder: for each version Redoc's pages and the documents, and the comparisons.

Everything is static and contains what it needs, so that a page loads nothing from another host.
"""

import argparse
import json
import shutil
from pathlib import Path

from api_reference.vendored import PACKAGES, bundle, notices
from proxy.spec import asyncapi, openapi, versions
from proxy.spec.comparison import comparison
from proxy.spec.pages import Addresses, beta, head, linked, navigation, overview, pairs
from proxy.spec.reading import Reading

ADDRESSES = Addresses(
    overview="index.html",
    pair="{older}-{newer}.html",
    openapi="openapi/v{version}.json",
    asyncapi="asyncapi/v{version}.json",
    http="v{version}.html",
    websocket="v{version}-websocket.html",
    notices="licences.txt",
)
# Redoc puts its styles into the page itself. Scripts come from this folder only.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'"
)
_HERE = Path(__file__).parent
_ASSETS = ("reference.js", "reference.css")


def build(folder: Path, packages: Path = PACKAGES) -> None:
    """Write the reference into `folder`, which is made anew. `packages`: what npm has installed.

    Raises OSError where a file cannot be read or written, ValueError if Redoc is not as it was when it was chosen.
    """
    script, licences = bundle(packages), notices(packages)
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("openapi", "asyncapi"):
        (folder / name).mkdir(parents=True)
    (folder / "redoc.js").write_text(script, encoding="utf-8")
    (folder / ADDRESSES.notices).write_text(licences, encoding="utf-8")
    for name in _ASSETS:
        shutil.copyfile(_HERE / name, folder / name)
    for version in versions():
        for page, address, document in (
            (ADDRESSES.http, ADDRESSES.openapi, openapi(version)),
            (ADDRESSES.websocket, ADDRESSES.asyncapi, asyncapi(version)),
        ):
            (folder / address.format(version=version)).write_text(json.dumps(document, indent=1), encoding="utf-8")
            html = _reference(version, address.format(version=version))
            (folder / page.format(version=version)).write_text(html, encoding="utf-8")
    for older, newer in pairs():
        html = comparison(older, newer, ADDRESSES)
        (folder / ADDRESSES.pair.format(older=older, newer=newer)).write_text(html, encoding="utf-8")
    (folder / ADDRESSES.overview).write_text(overview(ADDRESSES), encoding="utf-8")


def _reference(version: int, document: str) -> str:
    """The page on which `reference.js` shows a document with Redoc."""
    transport, kind = ("HTTP", "OpenAPI") if document.startswith("openapi") else ("WebSocket", "AsyncAPI")
    links = [each for each in ADDRESSES.reference(version) if not each[1].endswith(transport)]
    links.append((document, f"{kind} document"))
    reading = Reading(asyncapi(version))
    data = {
        "document": document,
        "comparisons": _comparisons(version),
        "methods": list(reading.methods),
        "messages": list(reading.messages),
    }
    return (
        f"{head(f'XRP Ledger API, {beta(version)}, {transport}', POLICY)}"
        '<link rel="stylesheet" href="reference.css">'
        f"<header>{navigation(ADDRESSES, '')}<span>{linked(links)}</span></header>"
        f'<p id="loading">Loading. This page needs scripts, and a web server: browsers do not load them from a file. '
        f'<a href="{ADDRESSES.overview}">All versions</a></p>'
        f'<main></main><script type="application/json" id="data">{json.dumps(data)}</script>'
        '<script type="module" src="reference.js"></script></html>\n'
    )


def _comparisons(version: int) -> dict[str, str]:
    """The titles of the comparisons that the version is part of, by address."""
    return {
        ADDRESSES.pair.format(older=older, newer=newer): f"versions {older} and {newer}"
        for older, newer in pairs()
        if version in (older, newer)
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m api_reference", description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder to write; what is in it is removed")
    build(parser.parse_args().folder)
