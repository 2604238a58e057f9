"""Parses a serialised signed transaction, so that the demo node accepts transactions that were not recorded."""

import functools
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

import base58

from proxy.demo.recorded import read_lines

_MAX_DEPTH = 10
_ARRAY_END, _OBJECT_END = "ArrayEndMarker", "ObjectEndMarker"
_PATH_END, _NEXT_PATH = 0x00, 0xFF
# Written in base 10, unlike all other numbers of 64 bits (sMD_BaseTen in rippled's sfields.macro).
_BASE_TEN = frozenset({"LockedAmount", "MPTAmount", "MaximumAmount", "OutstandingAmount"})


class Field(NamedTuple):
    """A field of the ledger's binary format."""

    name: str
    kind: str
    has_length: bool


class Definitions(NamedTuple):
    """The binary format, as `server_definitions` reports it. `results`: the code of each transaction result."""

    fields: dict[tuple[int, int], Field]
    transaction_types: dict[int, str]
    results: dict[str, int]


@functools.cache
def definitions() -> Definitions:
    """The format of the newest recorded server; reading it takes a fifth of a second, the first time."""
    entries = (e for e in read_lines("exchanges.jsonl.xz", "xrpld-3.3") if e["method"] == "server_definitions")
    recorded = next(entries)["http"]["1"]["body"]["result"]
    codes = recorded["TYPES"]
    fields = {
        (codes[about["type"]], about["nth"]): Field(name, about["type"], about["isVLEncoded"])
        for name, about in recorded["FIELDS"]
        if about["isSerialized"]
    }
    types = {code: name for name, code in recorded["TRANSACTION_TYPES"].items()}
    return Definitions(fields, types, recorded["TRANSACTION_RESULTS"])


def decode_transaction(blob: bytes) -> dict[str, Any]:
    """The JSON of a serialised transaction. Raises ValueError for invalid bytes, or an unusual type."""
    reader = _Reader(blob)
    try:
        fields = reader.object(depth=0)
    except (IndexError, KeyError, UnicodeDecodeError) as error:
        raise ValueError("not a transaction") from error
    if not reader.is_at_end or "TransactionType" not in fields or "Account" not in fields:
        raise ValueError("not a transaction")
    return fields


def address(account: bytes) -> str:
    """An account's 20 bytes in base 58."""
    return base58.b58encode_check(b"\x00" + account, alphabet=base58.RIPPLE_ALPHABET).decode()


def account_id(text: str) -> bytes:
    """The inverse of `address`. Raises ValueError for an invalid address."""
    return base58.b58decode_check(text, alphabet=base58.RIPPLE_ALPHABET)[1:]


class _Reader:
    """Reads the fields of an object, one after the other."""

    def __init__(self, blob: bytes) -> None:
        self._blob = blob
        self._at = 0
        self._definitions = definitions()
        self._kinds: dict[str, Callable[[bytes], Any]] = {
            "UInt8": _integer,
            "UInt16": _integer,
            "UInt32": _integer,
            "Int32": lambda value: int.from_bytes(value, signed=True),
            "UInt64": lambda value: value.hex().lstrip("0") or "0",
        }

    @property
    def is_at_end(self) -> bool:
        return self._at == len(self._blob)

    def take(self, count: int) -> bytes:
        """The next bytes. Raises IndexError at the end."""
        taken = self._blob[self._at : self._at + count]
        if len(taken) != count:
            raise IndexError(count)
        self._at += count
        return taken

    def object(self, depth: int) -> dict[str, Any]:
        """The fields up to the object's end, or the blob's at depth 0."""
        fields: dict[str, Any] = {}
        while not (depth == 0 and self.is_at_end):
            field = self._field()
            if field.name == _OBJECT_END:
                break
            fields[field.name] = self._value(field, depth)
        return fields

    def _array(self, depth: int) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        while (field := self._field()).name != _ARRAY_END:
            items.append({field.name: self._value(field, depth)})
        return items

    def _field(self) -> Field:
        first = self.take(1)[0]
        kind, nth = first >> 4, first & 0xF
        kind = kind or self.take(1)[0]
        nth = nth or self.take(1)[0]
        return self._definitions.fields[kind, nth]

    def _value(self, field: Field, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            raise ValueError("nested too deeply")
        kind = field.kind
        if kind == "STObject":
            return self.object(depth + 1)
        if kind == "STArray":
            return self._array(depth + 1)
        if kind == "Amount":
            return self._amount()
        if kind == "PathSet":
            return self._paths()
        if kind == "Issue":
            return self._issue()
        if field.has_length:
            return _of_any_length(kind, self.take(self._length()))
        if kind.startswith("Hash"):
            return self.take(int(kind[4:]) // 8).hex().upper()
        if kind == "Currency":
            return _currency(self.take(20))
        read: Callable[[bytes], Any] | None = _decimal if field.name in _BASE_TEN else self._kinds.get(kind)
        if read is None:
            raise ValueError(f"cannot read {field.name}")
        number = read(self.take(int(kind.lstrip("UInt")) // 8))
        return self._definitions.transaction_types[number] if field.name == "TransactionType" else number

    def _length(self) -> int:
        first = self.take(1)[0]
        if first <= 192:
            return first
        if first <= 240:
            return 193 + (first - 193) * 256 + self.take(1)[0]
        second, third = self.take(2)
        return 12481 + (first - 241) * 65536 + second * 256 + third

    def _amount(self) -> Any:
        head = self.take(8)
        number = int.from_bytes(head)
        sign = "" if number >> 62 & 1 else "-"
        if number >> 63:
            mantissa, exponent = number & (1 << 54) - 1, (number >> 54 & 0xFF) - 97
            value = Decimal(mantissa).scaleb(exponent).normalize() if mantissa else Decimal(0)
            of = {"currency": _currency(self.take(20)), "issuer": address(self.take(20))}
            return {**of, "value": f"{sign if mantissa else ''}{value:f}"}
        if number >> 61 & 1:  # a multi-purpose token: a byte of flags, the amount, its issuance
            amount = int.from_bytes(head[1:] + self.take(1))
            return {"mpt_issuance_id": self.take(24).hex().upper(), "value": f"{sign}{amount}"}
        return f"{sign}{number & (1 << 61) - 1}"

    def _issue(self) -> dict[str, str]:
        currency = self.take(20)
        if currency == bytes(20):
            return {"currency": "XRP"}
        return {"currency": _currency(currency), "issuer": address(self.take(20))}

    def _paths(self) -> list[list[dict[str, str]]]:
        paths: list[list[dict[str, str]]] = [[]]
        while (kind := self.take(1)[0]) != _PATH_END:
            if kind == _NEXT_PATH:
                paths.append([])
                continue
            step = {"account": address(self.take(20))} if kind & 0x01 else {}
            step |= {"currency": _currency(self.take(20))} if kind & 0x10 else {}
            step |= {"issuer": address(self.take(20))} if kind & 0x20 else {}
            paths[-1].append(step)
        return paths


def _of_any_length(kind: str, value: bytes) -> Any:
    if kind == "AccountID":
        return address(value)
    if kind == "Vector256":
        return [value[at : at + 32].hex().upper() for at in range(0, len(value), 32)]
    return value.hex().upper()


def _integer(value: bytes) -> int:
    return int.from_bytes(value)


def _decimal(value: bytes) -> str:
    return str(int.from_bytes(value))


def _currency(code: bytes) -> str:
    if code == bytes(20):
        return "XRP"
    text = code[12:15]
    is_plain = code[:12] == bytes(12) and code[15:] == bytes(5) and text.isascii() and text != b"XRP"
    return text.decode() if is_plain and text.decode().isprintable() else code.hex().upper()
