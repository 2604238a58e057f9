"""Receiving the body of a request, within its limits of size, time and number."""

import asyncio

from proxy.access.admission import Admission
from proxy.envelope import HttpRefusal, refuse_size
from proxy.http.request import Body, IncompleteBody, Request
from proxy.rpc.refusal import Refused, overloaded


class _GivenUp(Exception):
    """The body was given up in favour of a client that sends fewer."""


def check_head(request: Request, limit: int) -> None:
    """Raise Refused for a body that the head says is compressed, or longer than `limit` bytes."""
    if "content-encoding" in request.headers and request.headers["content-encoding"].lower() != "identity":
        text = "Unable to parse request: it is compressed, send it without Content-Encoding"
        raise Refused(HttpRefusal(400, text, "compressed"))
    if request.head.content_length > limit:
        raise Refused(refuse_size(limit))


async def receive_body(
    request: Request, body: Body, address: str, admission: Admission, limit: int, deadline: float
) -> bytes:
    """The `body` of a request of the client at `address`, by `deadline` (the event loop's time).

    Of a body without a declared length that is longer than `limit` bytes, it returns a little more than `limit`, so
    that the reader refuses it. Raises Refused.
    """
    if body.complete:
        return body.read_now()

    def give_up() -> None:
        body.fail(_GivenUp)

    # What a client announces is held, or many bodies could arrive at a time; without a length, what it may send.
    size = request.head.content_length or limit
    if (reason := admission.receive(address, give_up, size)) is not None:
        raise overloaded(reason)
    try:
        request.send_continue()
        async with asyncio.timeout_at(deadline):
            return await body.read(limit)
    except TimeoutError:
        raise Refused(HttpRefusal(408, "Request was not received in time", "slow_request")) from None
    except IncompleteBody:
        raise Refused(HttpRefusal(400, "Request was not received completely", "client_gone")) from None
    except _GivenUp:
        raise overloaded("in_flight") from None
    finally:
        admission.received(address, give_up, size)
