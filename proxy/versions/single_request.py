"""A call that takes one node request, as nearly all do: its conversation in two steps, without the `Translator`."""

import time

from adapters import MISSHAPEN, JsonObject, Pipeline
from proxy.versions.translator import UnexpectedShape


class SingleRequest:
    """The conversation of a call of `method`, as long as it takes one node request and neither side has an error.

    `params`: of the node request, whose method is the call's; None if the call may take more, or none. Then, and if
    `finish` returns None, the caller begins again with a `Translator`. `seconds`: that translation has taken.
    """

    __slots__ = ("_conversation", "_conversion", "_given", "params", "seconds")

    def __init__(self, pipeline: Pipeline, method: str, params: JsonObject) -> None:
        began = time.perf_counter()
        self.params: JsonObject | None = None
        self._given = params
        self._conversion = pipeline.conversion(params)
        try:
            if self._conversion is not None:
                self.params = self._conversion[0](params)
            else:
                self._conversation = pipeline.converse(params)
                request = next(self._conversation)
                if not (request.immutable or request.upcoming or request.method != method):
                    self.params = request.params
        except (StopIteration, *MISSHAPEN):
            pass
        self.seconds = time.perf_counter() - began

    def finish(self, result: JsonObject) -> JsonObject | None:
        """The client's result for the node's, which may be modified; None if it takes more. Raises UnexpectedShape."""
        if "error" in result:
            return None
        began = time.perf_counter()
        try:
            if self._conversion is None:
                self._conversation.send(result)
                return None
            translated: JsonObject = self._conversion[1](result, self._given)
        except StopIteration as stop:
            translated = stop.value
        except MISSHAPEN as error:
            raise UnexpectedShape(type(error).__name__) from None
        self.seconds += time.perf_counter() - began
        return None if "error" in translated else translated
