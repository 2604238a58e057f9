"""The schemas of one API version, from the source. A type that changed has a base schema and one that extends it."""

from functools import cache
from typing import Any, NamedTuple

from adapters.errors import ERRORS
from proxy.spec.notation import REFERENCE, NotationError, Schema, blocks, newest_block, read_schema
from proxy.spec.source import Method, Source, read_source
from proxy.spec.steps import ALONE


class MethodSchemas(NamedTuple):
    """The names of a method's schemas among `Schemas.components`."""

    stem: str
    """The common prefix: `AccountInfo`."""
    request: str
    """The schema of its parameters."""
    success: str
    """The schema of a successful result."""
    error: str
    """The schema of an error."""


class Schemas:
    """All schemas of one API version, from `schemas()`.

    `components`: by the name that references use. `methods`, `streams`: the names of those of a method, or of the
    `type` of a pushed message.
    """

    def __init__(self, source: Source, version: int) -> None:
        self.source = source
        self._version = version
        self.components: dict[str, Schema] = {}
        self._define_errors()
        for name, definition in source.types.items():
            self._define(name, definition)
        self.methods = {
            name: self._define_method(method) for name, method in source.methods.items() if method.offered(version)
        }
        self.streams = {kind: self._define_stream(kind) for kind in source.streams}

    def _define(self, name: str, definition: Any, doc: str | None = None) -> str:
        """Define the source's type `name`; return the name of its schema in this version."""
        doc = (definition.get(".doc") if isinstance(definition, dict) else None) or doc
        described = {"description": doc} if doc else {}
        if not blocks(definition):
            self._keep(name, {**described, **self._read(name, definition)})
            return name
        if left := definition.keys() - {".doc", ".base"} - {f".v{number}" for number in blocks(definition)}:
            raise NotationError(f"{name}: {', '.join(sorted(left))} next to versions; common parts belong in .base")
        number = newest_block(definition, self._version)
        block = {} if number is None else definition[f".v{number}"]
        alone = isinstance(block, dict) and block.get(ALONE, False)
        inherited = []
        if ".base" in definition and not alone:
            self._keep(f"{name}Base", self._read(name, definition[".base"]))
            inherited = [{"$ref": f"{REFERENCE}{name}Base"}]
        if number is None:
            return f"{name}Base"
        if alone:
            block = {word: part for word, part in block.items() if word != ALONE}
        own = self._read(name, block)
        described |= {"description": own.pop("description")} if "description" in own else {}
        self._keep(f"{name}V{number}", {**described, "allOf": [*inherited, own]})
        return f"{name}V{number}"

    def _keep(self, name: str, schema: Schema) -> None:
        if name in self.components:
            raise NotationError(f"two schemas would be called {name}")
        self.components[name] = schema

    def _read(self, name: str, definition: Any) -> Schema:
        try:
            return read_schema(definition, self.name)
        except NotationError as fault:
            raise NotationError(f"{name}: {fault}") from None

    def name(self, name: str) -> str:
        """The name of a type of the source in this version. Raises NotationError for an unknown type."""
        if name not in self.source.types:
            raise NotationError(f"there is no type {name}")
        definition = self.source.types[name]
        if not blocks(definition):
            return name
        number = newest_block(definition, self._version)
        return f"{name}Base" if number is None else f"{name}V{number}"

    def _define_method(self, method: Method) -> MethodSchemas:
        stem = _camel(method.name)
        return MethodSchemas(
            stem,
            self._define(f"{stem}Request", method.request, f"The parameters of {method.name}."),
            self._define(f"{stem}SuccessResponse", method.answer, f"The result of {method.name}."),
            self._define_error(f"{stem}ErrorResponse", method),
        )

    def _define_stream(self, kind: str) -> str:
        stream = self.source.streams[kind]
        stem = kind[0].upper() + _camel(kind)[1:]
        body = self._define(f"{stem}Message", stream.message, stream.doc)
        typed: Schema = {"type": "object", "properties": {"type": {"const": kind}}, "required": ["type"]}
        name = f"{stem}Stream"
        self._keep(name, {"description": stream.doc, "allOf": [typed, {"$ref": REFERENCE + body}]})
        return name

    def _define_errors(self) -> None:
        """ErrorResponse, the code of each token, and the tokens that any method may return.

        The codes are separate: in ErrorResponse, which every response refers to, they would make the AsyncAPI parser
        take minutes.
        """
        coded: list[Schema] = [
            {
                "description": error.message,
                "properties": {"error": {"const": error.token}, "error_code": {"const": error.code}},
            }
            for error in ERRORS.values()
        ]
        uncoded: list[Schema] = [
            {"description": meaning, "properties": {"error": {"const": token}}}
            for token, meaning in self.source.uncoded_errors.items()
        ]
        self._keep(
            "ErrorResponse",
            {
                "description": "An error, with the fields that the method had found before it.",
                "type": "object",
                "properties": {
                    "error": {"type": "string"},
                    "error_code": {"type": ["integer", "null"]},
                    "error_message": {"type": "string"},
                    "error_exception": {"type": "string"},
                },
                "required": ["error"],
            },
        )
        self._keep(
            "ErrorCodes",
            {
                "description": "The code of an error's token; some have none.",
                "type": "object",
                "anyOf": coded + uncoded,
            },
        )
        self._keep(
            "CommonErrorToken",
            {
                "description": "Errors that any method may return.",
                "enum": self._tokens(self.source.common_errors),
            },
        )

    def _define_error(self, name: str, method: Method) -> str:
        """An error of the method. A version's own list of tokens replaces that of `.base`, as in other schemas."""
        tokens = self._tokens(method.errors)
        own: list[Schema] = [{"enum": tokens}] if tokens else []
        allowed: Schema = {"anyOf": [{"$ref": f"{REFERENCE}CommonErrorToken"}, *own]}
        number = newest_block(method.errors, self._version)
        name = name if number is None else f"{name}V{number}"
        self._keep(
            name,
            {
                "description": f"An error of {method.name}.",
                "allOf": [
                    {"$ref": f"{REFERENCE}ErrorResponse"},
                    {"type": "object", "properties": {"error": allowed}},
                ],
            },
        )
        return name

    def _tokens(self, written: Any) -> list[str]:
        """The tokens of this version, with groups expanded."""
        if isinstance(written, dict):
            number = newest_block(written, self._version)
            written = [*written.get(".base", ()), *(() if number is None else written[f".v{number}"])]
        found: set[str] = set()
        for each in written:
            if each in self.source.error_groups:
                found.update(self._tokens(self.source.error_groups[each]))
            elif each in ERRORS or each in self.source.uncoded_errors:
                found.add(each)
            else:
                raise NotationError(f"there is no error {each}")
        return sorted(found)


def _camel(name: str) -> str:
    """`account_info` as AccountInfo, `ledgerClosed` as LedgerClosed."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


@cache
def schemas(version: int) -> Schemas:
    """The schemas of an API version. Raises ValueError for one that the source does not have."""
    source = read_source()
    if version not in source.versions:
        raise ValueError(f"there is no specification of API version {version}, only of {source.versions}")
    return Schemas(source, version)
