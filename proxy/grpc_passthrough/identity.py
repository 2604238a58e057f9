"""The client's identity in the bytes of a gRPC request: removes what the client wrote and adds its real address.

rippled's requests have the fields `client_ip` and `user`, which a node trusts from a peer in its `secure_gateway`:
with `user` set and no `client_ip` the client is exempt from resource controls (`GRPCServer.cpp`, `clientIsUnlimited`).
"""

from proxy.grpc_passthrough.methods import IdentityFields
from proxy.nodes.forwarded import forwarded_for

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_TAG_BYTES, _VALUE_BYTES = 5, 10


_MOST_FIELDS = 1_000
"""Most fields of one request, many more than rippled's have: each is parsed in Python."""


class Malformed(ValueError):
    """The bytes are not a protobuf message, or contain a group, which proto3 does not have."""


def with_client_identity(message: bytes, fields: IdentityFields, client: str) -> bytes:
    """The request `message` with `client`, an IP address, as its client and without a user. Raises Malformed.

    Every field is parsed, up to the end of the message: after a truncated field, the appended field would be read as
    the rest of it.
    """
    fields_passed = []
    position = count = 0
    while position < len(message):
        count += 1
        if count > _MOST_FIELDS:
            raise Malformed(f"more than {_MOST_FIELDS} fields")
        began = position
        field, position = _skip(message, position)
        if field not in (fields.client_ip, fields.user):
            fields_passed.append(message[began:position])
    address = _peer(client).encode()
    fields_passed.append(bytes([fields.client_ip << 3 | _BYTES, len(address)]) + address)
    return b"".join(fields_passed)


def _skip(message: bytes, position: int) -> tuple[int, int]:
    """The number of the field at `position`, and the position of the next field."""
    tag, position = _varint(message, position, _TAG_BYTES)
    field, kind = tag >> 3, tag & 7
    if not field or tag >= 2**32:  # some parsers drop the upper bits
        raise Malformed("an invalid field number")
    if kind == _VARINT:
        _, position = _varint(message, position, _VALUE_BYTES)
    elif kind == _BYTES:
        length, position = _varint(message, position, _TAG_BYTES)
        position += length
    elif kind in (_FIXED64, _FIXED32):
        position += 8 if kind == _FIXED64 else 4
    else:
        raise Malformed("a group, or an unknown wire type")
    if position > len(message):
        raise Malformed("truncated")
    return field, position


def _varint(message: bytes, position: int, most: int) -> tuple[int, int]:
    value = 0
    for shift, byte in enumerate(message[position : position + most]):
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return value, position + shift + 1
    raise Malformed("an unterminated number")


def _peer(client: str) -> str:
    """An address in gRPC's notation for a peer, which rippled used when it forwarded requests itself.

    Raises ValueError if `client` is not an IP address.
    """
    address = forwarded_for(client)
    return f"ipv6:[{address}]:0" if ":" in address else f"ipv4:{address}:0"
