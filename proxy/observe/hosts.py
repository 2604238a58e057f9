"""Which `Host` headers the observe address accepts: a defence against DNS rebinding.

An attacker's host name that resolves to this address makes the attacker's web page, to a browser, the same origin as
the observe page, so that it could read clients' addresses. Such an attack needs a name in public DNS. So these are
allowed: IP addresses, `localhost`, single labels, names under domains that public DNS does not have, as in Kubernetes
or Docker (`proxy`, `proxy.xrpl.svc`, `proxy.internal`), this machine's own name, and configured names.
"""

import re
import socket
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import ip_address

from aiohttp import web

_PRIVATE_DOMAINS = (".localhost", ".svc", ".cluster.local", ".internal")
"""Reserved (RFC 6761, ICANN's `.internal`) or used by Kubernetes; nobody can register a name under them."""
_PORT = re.compile(r":[0-9]{0,5}$")


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class AllowedHosts:
    """Decides by `Host` whether to serve a request. `names`: configured; `*.example.com` matches subdomains."""

    def __init__(self, names: Iterable[str]) -> None:
        self.replace(names)

    def replace(self, names: Iterable[str]) -> None:
        """Replace the configured names."""
        configured = [name.lower() for name in names]
        self._names = {name for name in configured if not name.startswith("*.")} | {socket.gethostname().lower()}
        self._domains = (*_PRIVATE_DOMAINS, *(name[1:] for name in configured if name.startswith("*.")))

    def allows(self, host: str | None) -> bool:
        """Whether to serve a request with this `Host`, with or without a port; None if it has none (HTTP/1.0)."""
        if host is None:
            return True
        name = _PORT.sub("", host.strip()).rstrip(".").lower()
        if _is_address(name):
            return True
        return "." not in name or name in self._names or name.endswith(self._domains)


ALLOWED = web.AppKey("allowed_hosts", AllowedHosts)


@web.middleware
async def refuse_other_hosts(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Middleware: responds 421 (Misdirected Request) to hosts that the application's `ALLOWED` does not allow."""
    if request.app[ALLOWED].allows(request.headers.get("Host")):
        return await handler(request)
    return web.Response(
        status=421,
        text="This host name is not allowed here. Use an IP address or localhost, or add the name to "
        "observe.allowed_hosts in the proxy's configuration.\n",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )


def _is_address(name: str) -> bool:
    try:
        ip_address(name[1:-1] if name.startswith("[") and name.endswith("]") else name)
    except ValueError:
        return False
    return True
