"""A call that takes one node request, as nearly all do: its conversation in two steps, without the `Translator`."""

import time

from adapters import MISSHAPEN, JsonObject, NodeRequest, Pipeline
from proxy.versions.translator import UnexpectedShape


class SingleRequest:
    """The conversation of a call of `method`, as long as it takes one node request and neither side has an error.

    `request`: for the node; None if the call may take more, or none. Then, and if `finish` returns None, the caller
    begins again with a `Translator`. `seconds`: that translation has taken.
    """

    __slots__ = ("_conversation", "request", "seconds")

    def __init__(self, pipeline: Pipeline, method: str, params: JsonObject) -> None:
        self._conversation = pipeline.converse(params)
        self.request: NodeRequest | None = None
        began = time.perf_counter()
        try:
            request = next(self._conversation)
            if not (request.immutable or request.upcoming or request.method != method):
                self.request = request
        except (StopIteration, *MISSHAPEN):
            pass
        self.seconds = time.perf_counter() - began

    def finish(self, result: JsonObject) -> JsonObject | None:
        """The client's result for the node's, which may be modified; None if it takes more. Raises UnexpectedShape."""
        if "error" in result:
            return None
        began = time.perf_counter()
        try:
            self._conversation.send(result)
            return None
        except StopIteration as stop:
            translated: JsonObject = stop.value
        except MISSHAPEN as error:
            raise UnexpectedShape(type(error).__name__) from None
        self.seconds += time.perf_counter() - began
        return None if "error" in translated else translated
