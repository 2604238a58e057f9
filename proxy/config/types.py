"""The types of settings, each with a text that describes valid values."""

import ipaddress
import re
import ssl
from dataclasses import dataclass
from datetime import date
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, Strict

from adapters import VERSIONS
from proxy.config.units import duration_schema, read_date, read_duration, read_size, size_schema
from proxy.envelope.methods import ADMIN_METHODS

_LABEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}")


@dataclass(frozen=True)
class AllowedText:
    """What a setting may be, as the error for a wrong value says it after "expected"."""

    text: str
    unit: str = ""
    reference: str = ""
    """The same for the reference of all keys, if that is different."""


@dataclass(frozen=True)
class Secret:
    """Marks a setting that may contain a credential: it is shown masked, and `KEY_file` may name a file with it."""


def _host(text: str) -> str:
    labels = text.removesuffix(".").split(".")
    if ":" in text or labels[-1].isdigit():  # no name ends in a number, so this must be an address
        ipaddress.ip_address(text)
    elif len(text) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("not a host name")
    return text


def _url(text: str, schemes: tuple[str, str]) -> str:
    """Check `text` as the URL of a node. Nothing in it is changed, as a hosted node's path may hold its key."""
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("not a URL")
    parts = urlsplit(text)
    if parts.scheme not in schemes or "@" in parts.netloc or parts.fragment or parts.port == 0 or not parts.hostname:
        raise ValueError("not a node's URL")
    _host(parts.hostname)
    return text


def _http_url(text: str) -> str:
    return _url(text, ("http", "https"))


def _websocket_url(text: str) -> str:
    return _url(text, ("ws", "wss"))


def _shadow_node(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", text) else _http_url(text)


def _host_and_port(text: str) -> str:
    host, _, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        ipaddress.IPv6Address(host[1:-1])
    elif ":" in host or not host:
        raise ValueError("not a host and a port")
    _host(host.strip("[]"))
    if not (port.isascii() and port.isdigit() and 0 < int(port) <= 65535 and len(port) <= 5):
        raise ValueError("not a port")
    return text


def _known_version(value: object) -> object:
    if type(value) is not int or value not in VERSIONS.known:  # to Python True and 1.0 are 1
        raise ValueError("not a version")
    return value


def _node_version(value: object) -> object:
    return value if value == "auto" else _known_version(value)


def _network_id(value: object) -> object:
    if value != "auto" and not (type(value) is int and 0 <= value < 2**32):
        raise ValueError("not a network")
    return value


def _admin_method(name: str) -> str:
    if name not in ADMIN_METHODS:  # no other method is refused, so permission for one is a mistake
        raise ValueError("not an admin method")
    return name


def is_file_text(text: str) -> bool:
    """Whether `text` looks like the content of a file, such as a private key, rather than a value or a path."""
    return "-----BEGIN" in text or "\n" in text or "\r" in text


def _file_path(text: str) -> str:
    if is_file_text(text):  # the error for a missing file would show a private key that was pasted here
        raise ValueError("not a path")
    return text


def _certificates(path: str) -> str:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except OSError:  # among them ssl.SSLError
        raise ValueError("not a file of certificates") from None
    return path


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if text != "*" and (f"{parts.scheme}://{parts.netloc}" != text or not parts.hostname or "@" in parts.netloc):
        raise ValueError("not an origin")
    return text.lower()


def _document_url(text: str) -> str:
    if any(mark in text for mark in "<>\"'\\"):  # the header Link has it between < and >
        raise ValueError("not a URL")
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("not a URL")
    if "@" in parts.netloc or not parts.hostname:
        raise ValueError("not a page's URL")
    _host(parts.hostname)
    return text


_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]{0,8000}")
_OWN_HEADERS = re.compile(
    r"(?i)accept.*|connection|content-.*|expect|forwarded|host|keep-alive|sec-websocket-.*|te|trailer|transfer-encoding"
    r"|upgrade|user-agent|x-forwarded-for|x-user"
)


def _headers(value: object) -> object:
    """Check all headers together: an error for one would show its value, which is likely a key."""
    if not isinstance(value, dict) or len(value) > 20:
        raise ValueError("not headers")
    for name, text in value.items():
        if not isinstance(name, str) or not isinstance(text, str):
            raise ValueError("not text")
        if not _HEADER_NAME.fullmatch(name) or _OWN_HEADERS.fullmatch(name) or not _HEADER_VALUE.fullmatch(text):
            raise ValueError("not a header")
    return value


def _network(value: object) -> object:
    if isinstance(value, str):
        return ipaddress.ip_network(value)
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    raise ValueError("not a network")


Flag = Annotated[bool, Strict(), AllowedText("true or false")]

Port = Annotated[int, Strict(), Field(ge=0, le=65535), AllowedText("a TCP port between 0 and 65535")]

Host = Annotated[str, Strict(), AfterValidator(_host), AllowedText("an IP address or a host name")]

Seconds = Annotated[
    float,
    Strict(),
    Field(ge=0.01, le=86400, allow_inf_nan=False),
    BeforeValidator(read_duration, json_schema_input_type=duration_schema(0.01, 86400)),
    AllowedText("seconds between 0.01 and 86400, such as 30, 30s or 5m", "seconds"),
]

Bytes = Annotated[
    int,
    Strict(),
    Field(ge=1, le=2**30),
    BeforeValidator(read_size, json_schema_input_type=size_schema(1, 2**30)),
    AllowedText("bytes between 1 and 1073741824, such as 65536, 64KiB or 1MiB", "bytes"),
]

BytesOrZero = Annotated[
    int,
    Strict(),
    Field(ge=0, le=2**30),
    BeforeValidator(read_size, json_schema_input_type=size_schema(0, 2**30)),
    AllowedText("bytes between 0 and 1073741824, such as 65536, 64KiB or 1MiB", "bytes"),
]

_SPOKEN = Annotated[int, Field(ge=VERSIONS.oldest)]
"""In the schema and the reference an API version has no maximum, so that neither changes with the adapters."""

Version = Annotated[
    int,
    PlainValidator(_known_version, json_schema_input_type=_SPOKEN),
    AllowedText(f"an API version between {VERSIONS.oldest} and {VERSIONS.newest}", reference="an API version"),
]

PackageVersion = Annotated[int, Strict(), Field(ge=1, le=99), AllowedText("a version between 1 and 99")]

NodeApiVersion = Annotated[
    int | Literal["auto"],
    PlainValidator(_node_version, json_schema_input_type=_SPOKEN | Literal["auto"]),
    AllowedText(f"an API version, {', '.join(map(str, VERSIONS.known))} or auto", reference="an API version or auto"),
]

NetworkId = Annotated[
    int | Literal["auto"],
    PlainValidator(_network_id, json_schema_input_type=Annotated[int, Field(ge=0, lt=2**32)] | Literal["auto"]),
    AllowedText("a network ID (0 for the main network, 1 for the test network) or auto"),
]

Depth = Annotated[int, Strict(), Field(ge=1, le=100), AllowedText("a whole number between 1 and 100")]

Count = Annotated[int, Strict(), Field(ge=1, le=1_000_000), AllowedText("a whole number between 1 and 1000000")]

Workers = Annotated[int, Strict(), Field(ge=1, le=64), AllowedText("a whole number between 1 and 64")]

Weight = Annotated[int, Strict(), Field(ge=1, le=1000), AllowedText("a whole number between 1 and 1000")]

CertificateFile = Annotated[str, Strict(), AfterValidator(_file_path), AfterValidator(_certificates)]

ServerState = Annotated[
    Literal["disconnected", "connected", "syncing", "tracking", "full", "validating", "proposing"],
    AllowedText("disconnected, connected, syncing, tracking, full, validating or proposing"),
]

CountOrUnlimited = Annotated[
    int, Strict(), Field(ge=0, le=1_000_000), AllowedText("a whole number between 1 and 1000000, or 0 for no limit")
]

SecondsOrZero = Annotated[
    float,
    Strict(),
    Field(ge=0, le=86400, allow_inf_nan=False),
    BeforeValidator(read_duration, json_schema_input_type=duration_schema(0, 86400)),
    AllowedText("seconds between 0 and 86400, such as 30, 30s or 5m", "seconds"),
]

Share = Annotated[float, Strict(), Field(ge=0, le=1, allow_inf_nan=False), AllowedText("a number between 0 and 1")]

FieldName = Annotated[
    str, Strict(), Field(pattern=r"^[A-Za-z0-9_]{1,64}$"), AllowedText("the name of a field, such as ledger_index")
]

Date = Annotated[date, BeforeValidator(read_date), AllowedText("a date such as 2027-06-30")]

DocumentUrl = Annotated[str, Strict(), AfterValidator(_document_url)]

FilePath = Annotated[str, Strict(), Field(min_length=1, max_length=4096), AfterValidator(_file_path)]

MethodName = Annotated[
    str,
    Strict(),
    Field(pattern=r"^[a-z0-9_]{1,64}$"),
    AllowedText("a method in lower-case letters, such as account_info"),
]

GrpcMethod = Annotated[
    str, Strict(), Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$"), AllowedText("a gRPC method, such as GetLedger")
]

Origin = Annotated[
    str,
    Strict(),
    AfterValidator(_origin),
    AllowedText("an origin, scheme://host or scheme://host:port without a path, or *"),
]

NodeName = Annotated[
    str,
    Strict(),
    Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$"),
    AllowedText("a name of 1 to 64 letters, digits, dots, underscores and hyphens"),
]

HttpUrl = Annotated[
    str,
    Strict(),
    AfterValidator(_http_url),
    AllowedText("an http:// or https:// URL without user, password or fragment, such as http://127.0.0.1:5005"),
]

# The texts of these and of the file types are at the fields: pydantic drops them from a type that may also be None.
WebSocketUrl = Annotated[str, Strict(), AfterValidator(_websocket_url)]

ShadowNode = Annotated[str, Strict(), AfterValidator(_shadow_node)]

HostAndPort = Annotated[str, Strict(), AfterValidator(_host_and_port)]

AdminMethod = Annotated[
    str,
    Strict(),
    AfterValidator(_admin_method),
    AllowedText(f"one of the admin methods {', '.join(sorted(ADMIN_METHODS))}"),
]

HeaderText = Annotated[str, Strict(), Field(min_length=1, max_length=1000, pattern=r"^[\x21-\x7e]+$")]

Headers = Annotated[
    dict[str, str],
    BeforeValidator(_headers),
    Secret(),
    AllowedText("a mapping of header names to values, none of them a header that the proxy sets itself"),
]

Network = Annotated[
    IPv4Network | IPv6Network,
    BeforeValidator(_network),
    AllowedText("an IP network without host bits, such as 10.0.0.0/8 or fd00::/8"),
]
