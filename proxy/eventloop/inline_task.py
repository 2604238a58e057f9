"""A coroutine that is carried out at once, and goes on at once when what it waits for is there.

A task begins in the event loop's next round, and goes on another round after what it waited for. Nearly every request
waits for one thing alone, a node's answer: a `Reply`, and whoever brings that carries the errand on. An errand that
waits for anything else becomes a task, and is one to its end.
"""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from types import coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class InlineFuture(asyncio.Future[T]):
    """A future, by which an errand that waits for it goes on within `bring` and `fail`; a task as with any other.

    So these are called by the event loop and within no task, and are the last that one does: what goes on may use all
    that the reply came by.
    """

    errand: "InlineTask | None" = None
    """The one that waits for it."""

    def resolve(self, result: T) -> None:
        """It is there."""
        self.set_result(result)
        if self.errand is not None:
            self.errand.resume()

    def resolve_later(self, result: T) -> None:
        """It is there, and large: an errand goes on in the event loop's next round, when nobody else holds it."""
        self.set_result(result)
        if self.errand is not None:
            self.errand.resume_soon()

    def reject(self, error: Exception) -> None:
        """It will not come."""
        self.set_exception(error)
        if self.errand is not None:
            self.errand.resume()


class InlineTask:
    """Carries out a coroutine in a context of its own, as a task would; `go_on` begins it.

    What it raises is told to the event loop's exception handler.
    """

    __slots__ = ("_awaiting", "_context", "_coroutine", "_loop", "_task")

    def __init__(self, coroutine: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop) -> None:
        self._coroutine = coroutine
        self._loop = loop
        self._context = contextvars.copy_context()
        self._task: asyncio.Task[None] | None = None
        self._awaiting: InlineFuture[Any] | None = None

    def resume(self) -> None:
        """Carries it on until it waits again, or is done."""
        if self._awaiting is not None:
            self._awaiting.errand = None
            self._awaiting = None
        try:
            waits_for = self._context.run(self._coroutine.send, None)
        except (StopIteration, asyncio.CancelledError):
            return
        except Exception as error:  # noqa: BLE001 - as a task does
            self._loop.call_exception_handler({"message": "an errand failed", "exception": error})
            return
        if type(waits_for) is InlineFuture:
            waits_for.errand = self
            self._awaiting = waits_for
        else:
            self._become_task(waits_for)

    def resume_soon(self) -> None:
        """Carries on one that waits for a reply, in the event loop's next round."""
        self._loop.call_soon(self._go_on_if_waiting)

    def _go_on_if_waiting(self) -> None:
        if self._awaiting is not None:  # it has not become a task meanwhile
            self.resume()

    async def cancel(self) -> None:
        """Ends it where it is, and waits until it has ended."""
        if self._awaiting is not None:
            self._become_task(self._awaiting)
            await asyncio.sleep(0)  # a task that has not begun would end without a word to what it is to carry out
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _become_task(self, waits_for: Any) -> None:
        if self._awaiting is not None:
            self._awaiting.errand = None
            self._awaiting = None
        rest = _drive_started(self._coroutine, waits_for)
        self._task = self._loop.create_task(rest, context=self._context)


async def ensure_task() -> None:
    """Has the errand that this is within be a task from here on, as `asyncio.timeout` needs one."""
    if asyncio.current_task() is None:
        await asyncio.sleep(0)


@coroutine
def _drive_started(errand: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    """What is left of a coroutine that has begun, and waits."""
    while True:
        try:
            yield waits_for
        except BaseException as error:  # noqa: BLE001 - it is the coroutine's: that it is cancelled
            step: Callable[[], Any] = partial(errand.throw, error)
        else:
            step = partial(errand.send, None)
        try:
            waits_for = step()
        except StopIteration:
            return
