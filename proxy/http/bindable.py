"""Checks that this machine can listen at the addresses of a configuration, without listening."""

import errno
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


@contextmanager
def naming_address(host: str, port: int) -> Iterator[None]:
    """Give an OSError raised inside the address, such as `127.0.0.1:9652` or `[::1]:9652`, as its filename."""
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        # Its own text may be one of asyncio's, with the address in it.
        known = error.errno is not None and error.errno > 0
        reason = os.strerror(error.errno).lower() if known else str(error.strerror or error)  # type: ignore[arg-type]
        raise OSError(error.errno, reason, f"[{host}]:{port}" if ":" in host else f"{host}:{port}") from None


def check_bindable(addresses: Iterable[tuple[str, int]]) -> None:
    """Check that this machine could listen at each host and port. Raises OSError if it could not.

    An address in use is not an error, because the proxy that this configuration is for may be using it; the same
    address twice is an error.
    """
    seen: set[tuple[object, ...]] = set()
    for host, port in addresses:
        with naming_address(host, port):
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            for family, address in dict.fromkeys((entry[0], entry[4]) for entry in found):
                if port and (family, address) in seen:
                    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
                seen.add((family, address))
                _try(family, address)


def is_dual_stack(family: socket.AddressFamily, address: str) -> bool:
    """Whether a socket bound to this address serves IPv4 as well as IPv6."""
    return family == socket.AF_INET6 and address == "::" and socket.has_dualstack_ipv6()


def _try(family: socket.AddressFamily, address: tuple[object, ...]) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            trial.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not is_dual_stack(family, str(address[0])))
        try:
            trial.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
