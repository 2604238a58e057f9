"""The limit on small parts of a body, for HTTP/1.1 as a server and as a client.

A part is a chunk, a field of the trailer section, or the piece of a body that one read returns. Each costs as much CPU
as about a thousand bytes of data.
"""

_FREE_PARTS = 1_024
_MIN_AVERAGE_BYTES = 256


def has_too_small_parts(parts: int, size: int) -> bool:
    """Whether a body of which `size` bytes have arrived in that number of `parts` costs more than its size justifies.

    The first thousand parts may have any size; for each further one the body must have 256 bytes.
    """
    return parts > _FREE_PARTS + size // _MIN_AVERAGE_BYTES
