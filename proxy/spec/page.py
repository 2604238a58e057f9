"""The page for people: every method, pushed message and type with its fields, versions side by side."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from html import escape
from itertools import pairwise

from proxy.spec.changes import changes
from proxy.spec.fields import Field, Fields, fields, tokens, types
from proxy.spec.schemas import Schemas, schemas
from proxy.spec.source import families, family_title, read_source

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
code, td:first-child, td:nth-child(2) { font-family: ui-monospace, monospace; font-size: .92em; }
table { border-collapse: collapse; width: 100%; margin: .3rem 0 1rem; }
th, td { text-align: left; vertical-align: top; padding: .15rem .6rem .15rem 0; border-bottom: 1px solid #8884; }
summary { cursor: pointer; padding: .15rem 0; }
details { margin-left: .5rem; }
.some { font-weight: bold; }
"""


@cache
def page() -> str:
    """The page as HTML, without external resources; generated once."""
    return "".join(_page())


def _page() -> Iterator[str]:
    source = read_source()
    versions = {number: schemas(number) for number in source.versions}
    yield '<!doctype html><html lang="en"><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>XRP Ledger API</title><style>{_STYLE}</style><h1>XRP Ledger API</h1>"
    yield "<p>The specification of each API version, for programs:<ul>"
    for number in versions:
        yield f'<li>version {number}: <a href="/openapi/v{number}.json">OpenAPI</a> (JSON-RPC over HTTP), '
        yield f'<a href="/asyncapi/v{number}.json">AsyncAPI</a> (WebSocket and pushed messages)'
    yield "</ul><p>Objects may have more members than are listed here. The column "
    yield "<em>versions</em> says which versions have a field."
    yield from _changes(source.versions)
    yield "<h2>Methods</h2>"
    for family in families():
        yield f"<h3>{escape(family_title(family))}</h3>"
        for name, method in source.methods.items():
            if method.family == family:
                yield from _method(name, method.doc, versions)
    yield "<h2>Pushed messages</h2>"
    for kind, stream in source.streams.items():
        of_versions = {number: fields(each, each.streams[kind]) for number, each in versions.items()}
        yield from _folded(kind, stream.doc, _table("Message", of_versions))
    yield "<h2>Types</h2>"
    for name, schema in types(versions[1]).items():
        of_versions = {number: fields(each, types(each)[name]) for number, each in versions.items()}
        component = versions[1].components[schema]
        inner = _table("Fields", of_versions) if any(of_versions.values()) else _simple(component)
        yield from _folded(name, component.get("description", ""), inner)
    yield "</html>\n"


def _changes(numbers: tuple[int, ...]) -> Iterator[str]:
    for older, newer in pairwise(numbers):
        yield f"<h2>From version {older} to {newer}</h2><ul>"
        for change in changes(older, newer):
            within = f" <small>(in {', '.join(change.within)})</small>" if change.within else ""
            yield f"<li>{escape(str(change))}{within}"
        yield "</ul>"


def _method(name: str, doc: str, versions: Mapping[int, Schemas]) -> Iterator[str]:
    offered = {number: (each, each.methods[name]) for number, each in versions.items() if name in each.methods}
    if len(offered) < len(versions):
        doc = f"{doc} Only in version {_listed(offered)}."
    requests = {number: fields(each, names.request) for number, (each, names) in offered.items()}
    answers = {number: fields(each, names.success) for number, (each, names) in offered.items()}
    errors = {
        number: {token: Field("error", required=False) for token in tokens(each, names.error)}
        for number, (each, names) in offered.items()
    }
    inner = (*_table("Request", requests), *_table("Answer", answers), *_errors(errors))
    yield from _folded(name, doc, inner)


def _errors(of_versions: Mapping[int, Fields]) -> Iterator[str]:
    errors = []
    for token, rows in _rows(of_versions).items():
        held = next(iter(rows.values()))
        errors.append(f"<code>{escape(token)}</code>" + _only(held, of_versions))
    if errors:
        yield f"<p>Specific errors: {', '.join(errors)}."


def _folded(name: str, doc: str, inner: Iterable[str]) -> Iterator[str]:
    yield f'<details id="{escape(name)}"><summary><code>{escape(name)}</code> {escape(doc)}</summary>'
    yield from inner
    yield "</details>"


def _simple(schema: Mapping[str, object]) -> Iterator[str]:
    """The row of a type that is not an object: its JSON Schema without the description."""
    constraints = ", ".join(f"{word}: {value}" for word, value in schema.items() if word != "description")
    yield f"<p><code>{escape(constraints or 'any value')}</code>"


def _table(title: str, of_versions: Mapping[int, Fields]) -> Iterator[str]:
    rows = _rows(of_versions)
    if not rows:
        return
    yield f"<table><tr><th>{title}<th>type<th>versions<th>"
    for path, types_of in rows.items():
        for type_, held in types_of.items():
            doc = next((of_versions[number][path].doc for number in held if of_versions[number][path].doc), "")
            numbers = _listed(held)
            if len(held) < len(of_versions):
                numbers = f'<span class="some">{numbers}</span>'
            yield f"<tr><td>{escape(path)}<td>{escape(type_)}<td>{numbers}<td>{escape(doc)}"
    yield "</table>"


def _rows(of_versions: Mapping[int, Fields]) -> dict[str, dict[str, list[int]]]:
    """The versions of each field, by path, then by type."""
    rows: dict[str, dict[str, list[int]]] = {}
    for number, of_version in of_versions.items():
        for path, field in of_version.items():
            rows.setdefault(path, {}).setdefault(str(field), []).append(number)
    return rows


def _only(held: list[int], of_versions: Mapping[int, Fields]) -> str:
    return "" if len(held) == len(of_versions) else f" (version {_listed(held)})"


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))
