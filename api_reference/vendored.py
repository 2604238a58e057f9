"""Redoc as npm has installed it: its bundle without what it loads from other hosts, and the licences."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

PACKAGES = Path(__file__).parent / "node_modules"
# The name next to "API docs by", instead of pictures from another host.
_NAME = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="46" height="16"><style>text{fill:#1d4ed8;font:600 13px sans-serif}'
    "@media(prefers-color-scheme:dark){text{fill:#93c5fd}}</style>"
    '<text y="13">Redoc</text></svg>'
)
_LOADED = (
    "https://cdn.redoc.ly/redoc/logo-mini-full.svg",
    "https://cdn.redoc.ly/redoc/logo-mini.svg",
)
_COMMENT = re.compile(r"/\*[*!](?:(?!\*/)[\s\S]){0,1000}\*/")
_NOTICE = re.compile(r"licen[cs]e|copyright", re.IGNORECASE)


def bundle(packages: Path) -> str:
    """Redoc's script. Raises ValueError if it no longer has the addresses that are replaced in it."""
    script = _source(packages)
    picture = f"data:image/svg+xml,{quote(_NAME)}"
    for address in _LOADED:
        if script.count(f"`{address}`") != 1:
            raise ValueError(f"Redoc does not have {address} once: look at what it loads, and change this module")
        script = script.replace(address, picture)
    return script


def notices(packages: Path) -> str:
    """The licences of Redoc and of the packages in its bundle, and the notices in the bundle itself."""
    parts = ["This reference contains Redoc's bundle, which contains other packages. These are their licences."]
    for folder in _folders(packages):
        described = json.loads((folder / "package.json").read_text(encoding="utf-8"))
        title = f"{described['name']} {described['version']} ({described.get('license', 'no licence named')})"
        texts = [path.read_text(encoding="utf-8").strip() for path in sorted(folder.glob("LICEN[CS]E*"))]
        parts.append("\n\n".join((title, *texts)))
    comments = dict.fromkeys(each for each in _COMMENT.findall(_source(packages)) if _NOTICE.search(each))
    parts.append("\n\n".join(("Notices in the bundle", *comments)))
    return f"\n\n{'-' * 80}\n\n".join(parts) + "\n"


def _source(packages: Path) -> str:
    return (packages / "redoc" / "bundles" / "redoc.standalone.js").read_text(encoding="utf-8")


def _folders(packages: Path) -> Iterator[Path]:
    """The folders of the packages, without those that only have types, Redoc first."""
    found = [*packages.glob("*/package.json"), *packages.glob("@*/*/package.json")]
    names = sorted({path.parent for path in found if path.parent.parent.name != "@types"})
    yield from sorted(names, key=lambda folder: folder.name != "redoc")
