"""The page that compares two API versions, method by method, from the documents and the adapters' documentation."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from html import escape

from proxy.spec import asyncapi, changes
from proxy.spec.adapter_docs import Change, changes_between
from proxy.spec.changes import ANY_METHOD
from proxy.spec.pages import Addresses, both, linked, page, pairs
from proxy.spec.reading import Field, Fields, Method, Reading

_CODE = re.compile(r"`([^`]+)`")
_TYPE = re.compile(r"[A-Z]\w+")
_ABSENT = '<span class="quiet">absent</span>'


@cache
def comparison(older: int, newer: int, addresses: Addresses) -> str:
    """The page that compares two versions, as HTML. Raises ValueError for versions without a specification."""
    title = f"XRP Ledger API, versions {older} and {newer}"
    address = addresses.pair.format(older=older, newer=newer)
    return "".join(page(title, addresses, address, _Pair(older, newer, addresses).body()))


class _Pair:
    """The comparison of two versions."""

    def __init__(self, older: int, newer: int, addresses: Addresses) -> None:
        self._older, self._newer = older, newer
        self._addresses = addresses
        self._before, self._after = Reading(asyncapi(older)), Reading(asyncapi(newer))
        self._steps = changes_between(older, newer)
        self._changes = changes(older, newer)
        self._types = dict.fromkeys((*self._before.types, *self._after.types))
        self._differing = self._differing_types()

    def _differing_types(self) -> set[str]:
        """The types that differ, themselves or by a type inside them."""
        before, after = self._before.types, self._after.types
        found = {name for name in self._types if before.get(name) != after.get(name)}
        while more := {
            name
            for name in self._types.keys() - found
            if any(name in each and each[name].refers_to & found for each in (before, after))
        }:
            found |= more
        return found

    def body(self) -> Iterator[str]:
        methods = dict.fromkeys((*self._before.methods, *self._after.methods))
        families: dict[str, list[str]] = {}
        for name in methods:
            families.setdefault(self._method(name).family, []).append(name)
        sections = {name: "".join(self._method_section(name)) for name in methods}
        messages = {
            kind: "".join(self._message_section(kind))
            for kind in dict.fromkeys((*self._before.messages, *self._after.messages))
        }
        types = {name: "".join(self._type_section(name)) for name in self._types}
        yield '<div class="columns"><nav class="contents" aria-label="Contents">'
        for family, names in families.items():
            yield f"<h2>{escape(family)}</h2>{self._contents({name: sections[name] for name in names})}"
        yield f"<h2>Stream messages</h2>{self._contents(messages, 'message-')}"
        yield f"<h2>Types</h2>{self._contents(types, 'type-')}</nav>"
        yield f'<main id="content"><h1>{both(self._older, self._newer)}, side by side</h1>'
        yield '<p><label><input type="checkbox" id="only"> Only what differs</label>'
        yield '<p class="quiet">Objects may have more fields than are listed. '
        yield "A field is required unless it says <code>optional</code>."
        yield from self._any_method()
        for family, names in families.items():
            yield _group(family, *(sections[name] for name in names))
        yield _group("Stream messages", self._notes(step.pushed for step in self._steps), *messages.values())
        yield f"{_group('Types', *types.values())}</main></div>"

    def _contents(self, sections: Mapping[str, str], prefix: str = "") -> str:
        items = []
        for name, section in sections.items():
            link = f'<a href="#{prefix}{escape(name)}">{escape(name)}</a>'
            same = section.startswith(_SAME)
            items.append(f'<li class="same">{link}' if same else f'<li class="differs">{link} {_mark("differs")}')
        return f"<ul>{''.join(items)}</ul>"

    def _method(self, name: str) -> Method:
        return self._after.methods.get(name) or self._before.methods[name]

    def _any_method(self) -> Iterator[str]:
        """The errors that any method may return."""
        notes = self._notes(step.errors for step in self._steps)
        errors = "".join(self._errors(self._before.common_errors, self._after.common_errors))
        changed = any(change.subject == ANY_METHOD for change in self._changes)
        yield from _section("any-method", "Errors of any method", differs=changed or bool(notes), inner=(notes, errors))

    def _method_section(self, name: str) -> Iterator[str]:
        before, after = self._before.methods.get(name), self._after.methods.get(name)
        notes = self._notes(each for step in self._steps for each in step.methods if each.subject == name)
        inner = [f"<p>{escape(self._method(name).doc)}"]
        if before is None or after is None:
            inner.append(f"<p>{_mark('added' if before is None else 'removed')} ")
            inner.append(f"Only in version {self._newer if before is None else self._older}.")
        inner.append(f'<p class="quiet">{self._elsewhere(name, before, after)}')
        inner.append(notes)
        nothing = Method("", "", {}, {}, ())
        old, new = before or nothing, after or nothing
        tables = [
            *self._table("Request", old.request, new.request),
            *self._table("Result", old.result, new.result),
            *self._errors(old.errors, new.errors),
        ]
        differs = bool(notes) or before is None or after is None or any(_DIFFERS.search(each) for each in tables)
        yield from _section(name, name, differs=differs, inner=inner + tables)

    def _elsewhere(self, name: str, *offered: Method | None) -> str:
        """Links to the method in the references, and in the other comparisons."""
        found = []
        for version, method in zip((self._older, self._newer), offered, strict=True):
            if method is not None:
                found += list(self._addresses.reference(version, name))
        for older, newer in pairs():
            if (older, newer) != (self._older, self._newer):
                address = self._addresses.pair.format(older=older, newer=newer)
                found.append((f"{address}#{name}", f"versions {older} and {newer}"))
        return f"See also: {linked(found)}" if found else ""

    def _message_section(self, kind: str) -> Iterator[str]:
        before, after = (each.messages.get(kind, ("", {})) for each in (self._before, self._after))
        table = list(self._table("Message", before[1], after[1]))
        differs = any(_DIFFERS.search(each) for each in table)
        inner = [f"<p>{escape(after[0] or before[0])}", *table]
        yield from _section(f"message-{kind}", kind, differs=differs, inner=inner)

    def _type_section(self, name: str) -> Iterator[str]:
        before, after = self._before.types.get(name), self._after.types.get(name)
        known = [each for each in (after, before) if each is not None]
        table = self._table("Fields", before.fields if before else {}, after.fields if after else {})
        plain = {f"<p><code>{escape(each.constraints)}</code>" for each in known if each.constraints}
        inner = [f"<p>{escape(known[0].doc)}", *table, *sorted(plain)]
        yield from _section(f"type-{name}", name, differs=name in self._differing, inner=inner)

    def _table(self, title: str, before: Fields, after: Fields) -> Iterator[str]:
        if not before and not after:
            return
        yield self._head(title, "Field")
        for path in dict.fromkeys((*before, *after)):
            yield self._row(path, before.get(path), after.get(path))
        yield "</tbody></table>"

    def _head(self, title: str, column: str) -> str:
        titles = (column, f"Version {self._older}", f"Version {self._newer}")
        columns = "".join(f"<th scope=col>{title}" for title in titles)
        return f"<h4>{title}</h4><table><thead><tr>{columns}</thead><tbody>"

    def _row(self, path: str, before: Field | None, after: Field | None) -> str:
        state = _state(before, after)
        mark = _mark(state) if state != "same" else ""
        held = [field for field in (after, before) if field is not None]
        inside = {name for field in held for name in _TYPE.findall(field.type)} & self._differing
        if inside:
            state = "changed" if state == "same" else state
            mark += f' <span class="mark">differs inside</span> {", ".join(map(_type_link, sorted(inside)))}'
        doc = "".join(f"<small>{_prose(field.doc)}</small>" for field in held[:1] if field.doc)
        cells = "".join(f"<td>{self._type(field)}" for field in (before, after))
        return f'<tr class="{state}"><th scope=row>{escape(path)} {mark}{doc}{cells}'

    def _type(self, field: Field | None) -> str:
        if field is None:
            return _ABSENT
        return _TYPE.sub(
            lambda found: _type_link(found[0]) if found[0] in self._types else found[0], escape(str(field), quote=False)
        )

    def _errors(self, before: tuple[str, ...], after: tuple[str, ...]) -> Iterator[str]:
        if not before and not after:
            return
        yield self._head("Errors", "Token")
        for token in sorted({*before, *after}):
            state = "same" if token in before and token in after else "added" if token in after else "removed"
            cells = "".join(f"<td>{'yes' if token in each else _ABSENT}" for each in (before, after))
            yield f'<tr class="{state}"><th scope=row>{escape(token)} {_mark(state) if state != "same" else ""}{cells}'
        yield "</tbody></table>"

    def _notes(self, found: Iterable[Change | None]) -> str:
        """What the adapters document of a change: the difference, its sources, and what is lost."""
        parts = []
        for change in found:
            if change is not None:
                paragraphs = [*change.text, *(f"Loss: {loss}" for loss in change.losses)]
                paragraphs += [f"{direction}." for direction in change.directions]
                heading = f"<h4>Version {change.older} to {change.newer}</h4>"
                parts.append(heading + "".join(f"<p>{_prose(text)}" for text in paragraphs))
        return f'<div class="notes">{"".join(parts)}</div>' if parts else ""


_SAME = '<section class="same"'
_DIFFERS = re.compile(r'<tr class="(?!same)')


def _group(title: str, *sections: str) -> str:
    return f'<div class="group"><h2>{escape(title)}</h2>{"".join(sections)}</div>'


def _section(anchor: str, title: str, *, differs: bool, inner: Iterable[str]) -> Iterator[str]:
    yield f'<section class="{"differs" if differs else "same"}" id="{escape(anchor)}">'
    yield f'<h3><a href="#{escape(anchor)}"><code>{escape(title)}</code></a></h3>'
    yield from inner
    yield "</section>"


def _state(before: Field | None, after: Field | None) -> str:
    if before is None or after is None:
        return "added" if before is None else "removed"
    return "same" if str(before) == str(after) else "changed"


def _mark(state: str) -> str:
    return f'<span class="mark">{state}</span>'


def _prose(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(text, quote=False))


def _type_link(name: str) -> str:
    return f'<a href="#type-{name}">{name}</a>'
