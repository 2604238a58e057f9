"""Whether this machine has the addresses that a configuration wants, found out without listening there."""

import errno
import os
import socket
from collections.abc import Iterable


def check_bindable(places: Iterable[tuple[str, int]]) -> None:
    """Look whether each host and port could be listened at. Raises OSError where one could not.

    That somebody listens there now is no fault, for it may be the very proxy whose configuration this is; that two of
    the places are the same is one. A port that is only tried can meanwhile be had by others.
    """
    seen: set[tuple[object, ...]] = set()
    for host, port in places:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, address in dict.fromkeys((entry[0], entry[4]) for entry in found):
            if port and (family, address) in seen:
                raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
            seen.add((family, address))
            _try(family, address)


def _try(family: socket.AddressFamily, address: object) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            trial.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # as of all that are listened at
        try:
            trial.bind(address)  # type: ignore[arg-type]  # of whatever kind the family's addresses are
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
