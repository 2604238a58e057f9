"""Who asks, in a request's own bytes: what the client wrote there is taken out, and what is true put in.

rippled's requests have fields `client_ip` and `user` that a node believes of a peer in its `secure_gateway`: with
`user` set and no `client_ip` the caller is subject to no resource controls (`GRPCServer.cpp`, `clientIsUnlimited`).
"""

from ipaddress import IPv6Address, ip_address

from proxy.grpc_passthrough.methods import IdentityFields

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_TAG_BYTES, _VALUE_BYTES = 5, 10


class Malformed(ValueError):  # noqa: N818 - what is wrong with the message
    """The bytes are no protobuf message, or hold a group, which proto3 has none of."""


def with_client_identity(message: bytes, fields: IdentityFields, client: str) -> bytes:
    """The request `message` as of the client at the IP address `client`, and of no user. Raises Malformed.

    All of it is walked through, to its end: after a field that is cut off, what is appended here would be read as the
    rest of that field.
    """
    kept = []
    position = 0
    while position < len(message):
        began = position
        field, position = _skip(message, position)
        if field not in (fields.client_ip, fields.user):
            kept.append(message[began:position])
    told = _peer(client).encode()
    kept.append(bytes([fields.client_ip << 3 | _BYTES, len(told)]) + told)
    return b"".join(kept)


def _skip(message: bytes, position: int) -> tuple[int, int]:
    """The number of the field at `position`, and where the next begins."""
    tag, position = _varint(message, position, _TAG_BYTES)
    field, kind = tag >> 3, tag & 7
    if not field or tag >= 2**32:  # some readers would drop the upper bits
        raise Malformed("no such field")
    if kind == _VARINT:
        _, position = _varint(message, position, _VALUE_BYTES)
    elif kind == _BYTES:
        length, position = _varint(message, position, _TAG_BYTES)
        position += length
    elif kind in (_FIXED64, _FIXED32):
        position += 8 if kind == _FIXED64 else 4
    else:
        raise Malformed("a group, or no kind of field")
    if position > len(message):
        raise Malformed("cut off")
    return field, position


def _varint(message: bytes, position: int, most: int) -> tuple[int, int]:
    value = 0
    for shift, byte in enumerate(message[position : position + most]):
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return value, position + shift + 1
    raise Malformed("a number that does not end")


def _peer(client: str) -> str:
    """An address as gRPC writes a peer, which is what rippled wrote there when it forwarded requests itself."""
    address = ip_address(client.partition("%")[0])
    return f"ipv6:[{address}]:0" if isinstance(address, IPv6Address) else f"ipv4:{address}:0"
