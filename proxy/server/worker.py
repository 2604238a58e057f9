"""One worker process as its supervisor sees it, and the messages that the worker sends over their pipe."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Literal, NoReturn

from proxy.config import ConfigSource, Settings

RunWorker = Callable[[Settings, ConfigSource, Connection], None]
"""What a worker process runs; the connection leads to the supervisor."""

MessageKind = Literal["ALIVE", "READY", "FAILED", "RELOADED"]
"""`ALIVE`, every `ALIVE_EVERY` seconds; `READY` with the observe URL of the worker; `FAILED` with the reason that it
cannot start; `RELOADED` with `good`, or with nothing if the worker did not apply the new configuration."""

ALIVE_EVERY = 5.0
"""Seconds between two `ALIVE` messages."""

EXIT_MARGIN = 5.0
"""Seconds that a worker may take to exit, in addition to `timeouts.shutdown`."""


async def heartbeat(supervisor: Connection) -> NoReturn:
    """Send `ALIVE` from the worker's event loop until cancelled, so that a loop that hangs is noticed."""
    while True:
        notify_supervisor(supervisor, "ALIVE")
        await asyncio.sleep(ALIVE_EVERY)


def notify_supervisor(supervisor: Connection, kind: MessageKind, text: str = "") -> None:
    """Send a message to the supervisor; it is dropped if the supervisor is gone or its pipe is full."""
    with suppress(OSError):  # a pipe that does not block raises BlockingIOError when full
        supervisor.send((kind, text))


class Worker:
    """One worker process, started on creation. Raises OSError if there can be no more processes or files."""

    def __init__(self, number: int, settings: Settings, source: ConfigSource, run: RunWorker) -> None:
        self.number = number
        self.observe_url: str | None = None
        """None until it serves, and after it has exited."""
        self.failure: str | None = None
        """The reason why it could not start."""
        self.exited = asyncio.Event()
        self.started = asyncio.Event()
        """Set when it serves, has failed to start, or has exited."""
        self.reloaded = asyncio.Event()
        """Set when it has read the configuration again, or has exited."""
        self.reload_ok = False
        self.silent_for: float | None = None
        """Seconds since its last message, as the supervisor counts them; None before the first message."""
        # Not forked: this process has threads and an event loop.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=run, args=(settings, source, theirs), name=f"worker {number}")
        self._process.start()
        theirs.close()
        asyncio.get_running_loop().add_reader(self._pipe.fileno(), self._on_message)

    def _on_message(self) -> None:
        try:
            kind, text = self._pipe.recv()
        except (EOFError, OSError):
            self._on_exit()
            return
        self.silent_for = 0
        if kind == "READY":
            self.observe_url = text
            self.started.set()
        elif kind == "RELOADED":
            self.reload_ok = text == "good"
            self.reloaded.set()
        elif kind == "FAILED":
            self.failure = text
            self.started.set()

    def _on_exit(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pipe.fileno())
        self._pipe.close()
        self._process.join(EXIT_MARGIN)
        self.observe_url = None
        self.silent_for = None
        self.exited.set()
        self.reloaded.set()
        self.started.set()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process, if it is running."""
        if not self.exited.is_set() and self._process.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    @property
    def exit_code(self) -> int | None:
        """The exit status of the process; negative for a signal, None while it runs."""
        return self._process.exitcode
