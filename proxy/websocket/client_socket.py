"""A client's WebSocket: aiohttp's, with the close code that RFC 6455 wants where aiohttp has another."""

import zlib

from aiohttp import WebSocketError, WSCloseCode, web


class ClientSocket(web.WebSocketResponse):
    """Fails the connection with 1002 when a message cannot be decompressed; aiohttp closes it with 1000."""

    async def close(self, *, code: int = WSCloseCode.OK, message: bytes = b"", drain: bool = True) -> bool:
        """Send a close frame and wait for the client's."""
        if isinstance(self.exception(), zlib.error):
            code = WSCloseCode.PROTOCOL_ERROR
        return await super().close(code=code, message=message, drain=drain)


def describe_violation(error: object) -> str | None:
    """What a client did wrong, as the reason of a session's end, by the error that receiving raised; None for others.

    The connection has been closed already.
    """
    if isinstance(error, WebSocketError):
        return "message_too_big" if error.code == WSCloseCode.MESSAGE_TOO_BIG else "protocol_error"
    return "protocol_error" if isinstance(error, zlib.error) else None
