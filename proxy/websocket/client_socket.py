"""A client's WebSocket: aiohttp's, with RFC 6455's close codes where aiohttp uses others."""

import zlib

from aiohttp import WebSocketError, WSCloseCode, web


class ClientSocket(web.WebSocketResponse):
    """Fails the connection with 1002 if a message cannot be decompressed; aiohttp closes it with 1000."""

    async def close(self, *, code: int = WSCloseCode.OK, message: bytes = b"", drain: bool = True) -> bool:
        """Send a close frame and wait for the client's."""
        if isinstance(self.exception(), zlib.error):
            code = WSCloseCode.PROTOCOL_ERROR
        return await super().close(code=code, message=message, drain=drain)


def describe_violation(error: object) -> str | None:
    """The close reason for an error that receiving raised; None if it is not the client's fault.

    The connection is closed already.
    """
    if isinstance(error, WebSocketError):
        return "message_too_big" if error.code == WSCloseCode.MESSAGE_TOO_BIG else "protocol_error"
    return "protocol_error" if isinstance(error, zlib.error) else None
