"""Which web pages may use the proxy from a browser: CORS, as the Fetch standard has it, and the `Origin` header."""

from collections.abc import Collection

from proxy.http.request import Request
from proxy.http.response import Response

_PREFLIGHT_SECONDS = 7200
"""How long browsers may cache a preflight response; none caches it for longer."""

_EXPOSED = "Deprecation, Link, Retry-After, Sunset, X-Request-Id"
"""Headers that a page's script may read in addition to those that it always may."""


class CorsPolicy:
    """The allowed origins; `*` among them stands for all.

    `enforce`: requests from pages of other origins are refused; otherwise only browsers withhold the responses from
    those pages. A request without an `Origin` header does not come from a page.
    """

    def __init__(self, origins: Collection[str], enforce: bool) -> None:
        self._origins = frozenset(origins)
        self._enforce = enforce
        self.allows_pages = bool(origins)
        """Whether there are any allowed origins."""

    def refuses(self, request: Request) -> bool:
        """Whether the request comes from a page that must not be served."""
        return self._enforce and "origin" in request.headers and self._allowed(request) is None

    def preflight(self, request: Request) -> Response | None:
        """Return the response to a CORS preflight request; None if this is not one, or no origins are configured."""
        if not self._origins or "access-control-request-method" not in request.headers:
            return None
        response = Response(204)
        if self._allowed(request) is not None:
            response.headers["Access-Control-Allow-Methods"] = "GET, HEAD, POST"
            response.headers["Access-Control-Allow-Headers"] = "Content-Type"
            response.headers["Access-Control-Max-Age"] = str(_PREFLIGHT_SECONDS)
        return response

    def add_headers(self, request: Request, response: Response) -> None:
        """Allow the page to read the response, if its origin is allowed. Not called unless `allows_pages`."""
        allowed = self._allowed(request)
        if allowed is not None:
            response.headers["Access-Control-Allow-Origin"] = allowed
            response.headers["Access-Control-Expose-Headers"] = _EXPOSED
        if "*" not in self._origins:
            varies = response.headers.get("Vary")
            response.headers["Vary"] = "Origin" if varies is None else f"{varies}, Origin"

    def _allowed(self, request: Request) -> str | None:
        origin = request.headers.get("origin")
        if "*" in self._origins:
            return "*"
        # In lower case "\u212a", the Kelvin sign, would be a "k".
        known = origin is not None and origin.isascii() and origin.lower() in self._origins
        return origin if known else None
