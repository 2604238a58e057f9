"""Several processes at the same ports: one that starts them, replaces one that ends, and has them end in order."""

import asyncio
import errno
import multiprocessing
import os
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection
from typing import NoReturn

import structlog
import uvloop

import proxy
from proxy.config import ConfigurationError, Settings
from proxy.eventloop.backoff import Backoff
from proxy.observe.aggregate import AggregateServer
from proxy.server.systemd import ServiceManager
from proxy.telemetry import logs

log = structlog.get_logger(__name__)

ReadAgain = Callable[[], Settings]
WorkerMessage = tuple[str, str]
"""What a worker tells: `ALIVE` again and again; `READY` and where it is observed; `FAILED` and why it cannot start;
`RELOADED` once it has read the configuration again, and `good` if it has taken it."""

ALIVE_EVERY, HUNG_AFTER = 5.0, 30.0
"""Seconds between two times that a worker says it is alive; and for how many it may say nothing before it is killed."""

_FIRST_PAUSE, _LONGEST_PAUSE, _STABLE_AFTER = 0.5, 30.0, 60.0
"""Seconds before a worker is started again, at first and at most; and after which one was no failure to start."""
_RELOADING = 30.0
"""Seconds that a worker may take to read the configuration again; then the next one is told to."""
_MARGIN = 5.0
"""Seconds that workers get to end, beyond those that the configuration gives."""


def supervise(
    settings: Settings, read_again: ReadAgain, work: Callable[[Settings, ReadAgain, Connection], None]
) -> None:
    """Serves with `settings.workers` processes until SIGTERM or SIGINT; `work` is what each of them runs.

    SIGHUP and SIGUSR1 are passed on to them. Raises OSError where an address cannot be had.
    """
    writer = logs.configure(settings.logging.level, settings.logging.format)
    try:
        uvloop.run(_Supervisor(settings, read_again, work).serve())
    finally:
        writer.close()


async def heartbeat(supervisor: Connection) -> NoReturn:
    """Tells the supervisor of a worker that its event loop goes round, until cancelled."""
    while True:
        notify_supervisor(supervisor, "ALIVE")
        await asyncio.sleep(ALIVE_EVERY)


def notify_supervisor(supervisor: Connection, kind: str, text: str = "") -> None:
    """Tells the supervisor of a worker something, if it listens; nothing depends on it if it does not."""
    with suppress(OSError):  # gone; or it stands still, and the pipe, which does not block, is full
        supervisor.send((kind, text))


class _Worker:
    """One process, and what it told last."""

    def __init__(self, number: int, settings: Settings, read_again: ReadAgain, work: Callable[..., None]) -> None:
        self.number = number
        self.observe_url: str | None = None
        """None until it serves."""
        self.failure: str | None = None
        self.ended = asyncio.Event()
        self.started = asyncio.Event()
        self.reloaded = asyncio.Event()
        self.reload_ok = False
        self.silent_for: float | None = None
        """Seconds, as the supervisor adds them up; None until it says for the first time that it is alive."""
        # Not forked: there are threads here, and an event loop.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(settings, read_again, theirs), name=f"worker {number}")
        self._process.start()
        theirs.close()
        asyncio.get_running_loop().add_reader(self._pipe.fileno(), self._on_message)

    def _on_message(self) -> None:
        try:
            kind, text = self._pipe.recv()
        except (EOFError, OSError):
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())
            self._pipe.close()
            self._process.join(_MARGIN)
            self.observe_url = None
            self.silent_for = None
            self.ended.set()
            self.reloaded.set()
            self.started.set()
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

    def send(self, number: signal.Signals) -> None:
        """Sends it a signal, if it lives."""
        if not self.ended.is_set() and self._process.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    @property
    def exit_code(self) -> int | None:
        """What it ended with; negative for a signal."""
        return self._process.exitcode


class _Supervisor:
    def __init__(self, settings: Settings, read_again: ReadAgain, work: Callable[..., None]) -> None:
        self._settings = settings
        self._read_again = read_again
        self._work = work
        self._workers: dict[int, _Worker] = {}
        self._manager = ServiceManager(os.environ)
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()
        self._aggregate = AggregateServer(
            settings.observe.host,
            settings.observe.port,
            version=proxy.__version__,
            wanted=settings.workers,
            workers=lambda: [each.observe_url for each in self._workers.values() if each.observe_url is not None],
            draining=self._stop.is_set,
        )

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._told_to_stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload.set)
        loop.add_signal_handler(signal.SIGUSR1, self._forward_signal, signal.SIGUSR1)
        with ExitStack() as reserved:
            for listen in self._settings.listeners:
                for port in listen.ports:
                    _reserve(listen.host, port, reserved)
            await self._aggregate.start()
            work = asyncio.create_task(self._start_and_keep())
            stop = asyncio.create_task(self._stop.wait())
            watch = asyncio.create_task(self._watch())
            try:
                await asyncio.wait((work, stop), return_when=asyncio.FIRST_COMPLETED)
                if work.done():
                    work.result()  # raises what kept them from starting
            finally:
                self._stop.set()
                self._manager.notify("STOPPING=1", "finishing what is under way")
                work.cancel()
                watch.cancel()
                await asyncio.gather(work, stop, watch, return_exceptions=True)
                await self._end_all()
                await self._aggregate.stop()
        log.info("stopped")

    async def _start_and_keep(self) -> None:
        """Has all serve, until cancelled. Raises OSError with what a worker says keeps it from that."""
        await self._start_all()
        log.info("workers_started", count=len(self._workers), observe=self._aggregate.url, version=proxy.__version__)
        self._manager.notify("READY=1", f"serving with {len(self._workers)} workers")
        keeping = [self._respawn(number) for number in self._workers]
        await asyncio.gather(*keeping, self._manager.keep_alive(), self._reload_all(), return_exceptions=True)

    async def _start_all(self) -> None:
        """Starts all, and waits until each serves. Raises OSError with what a worker says keeps it from that."""
        for number in range(1, self._settings.workers + 1):
            self._start(number)
        for worker in self._workers.values():
            await worker.started.wait()
            if worker.observe_url is None:
                raise OSError(None, worker.failure or "a worker ended at once")

    def _start(self, number: int) -> _Worker:
        worker = self._workers[number] = _Worker(number, self._settings, self._read_again, self._work)
        return worker

    async def _respawn(self, number: int) -> None:
        """Starts another in place of one that ended, after a pause that doubles while they do not last."""
        loop = asyncio.get_running_loop()
        backoff, began = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE, jitter=0), loop.time()
        while True:
            worker = self._workers[number]
            await worker.ended.wait()
            if loop.time() - began > _STABLE_AFTER:
                backoff.reset()
            pause = backoff.next()
            log.error("worker_exited", worker=number, status=worker.exit_code, failure=worker.failure, again_in=pause)
            self._aggregate.worker_exited()
            await asyncio.sleep(pause)
            began = loop.time()
            try:
                self._start(number)
            except OSError as error:  # no more processes or files: tried again, after a longer pause
                worker.failure = str(error)

    async def _watch(self) -> NoReturn:
        """Kills a worker that hangs, for it would keep its clients, and be given more.

        Its silence is counted in rounds of this loop: where all processes stood still, as in a container that is
        paused, none has been silent for long.
        """
        while True:
            await asyncio.sleep(ALIVE_EVERY)
            for worker in self._workers.values():
                if worker.silent_for is None:
                    continue
                worker.silent_for += ALIVE_EVERY
                if worker.silent_for > HUNG_AFTER:
                    log.error("worker_hung", worker=worker.number, seconds=HUNG_AFTER)
                    worker.send(signal.SIGKILL)
                    worker.silent_for = None

    async def _reload_all(self) -> None:
        """Has the workers read the configuration again, one after the other, whenever this process is told to."""
        while True:
            await self._reload.wait()
            self._reload.clear()
            self._manager.notify("RELOADING=1")
            good = True
            asked: set[_Worker] = set()
            # Also those that have come in place of others meanwhile, with the configuration as it was.
            while left := [worker for worker in self._workers.values() if worker not in asked]:
                for worker in left:
                    asked.add(worker)
                    good = await self._reloaded(worker) and good
            if good:
                self._keep_settings()
            words = "" if good else ", by the configuration as it was: the new one is faulty"
            self._manager.notify("READY=1", f"serving with {len(self._workers)} workers{words}")

    async def _reloaded(self, worker: _Worker) -> bool:
        """Has a worker read the configuration again; whether it took it. True for one that has ended."""
        try:
            async with asyncio.timeout(_RELOADING):
                await worker.started.wait()
                worker.reloaded.clear()
                worker.send(signal.SIGHUP)
                if not worker.ended.is_set():
                    await worker.reloaded.wait()
        except TimeoutError:
            log.error("worker_unresponsive", worker=worker.number, seconds=_RELOADING)
            return False
        return worker.ended.is_set() or worker.reload_ok

    def _keep_settings(self) -> None:
        """Those that the workers took are those of a worker that is started later."""
        with suppress(ConfigurationError):  # changed again in this moment
            settings = self._read_again()
            kept = [key for key in ("workers", "observe") if getattr(settings, key) != getattr(self._settings, key)]
            if kept:
                log.warning("restart_required", keys=kept)
            same = {"workers": self._settings.workers, "observe": self._settings.observe}
            self._settings = settings.model_copy(update=same)

    async def _end_all(self) -> None:
        """Has all finish what they have, and ends those that take longer than they may."""
        timeouts = self._settings.timeouts
        self._forward_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(timeouts.drain_delay + timeouts.shutdown + _MARGIN):
                for worker in self._workers.values():
                    await worker.ended.wait()
        except TimeoutError:
            log.warning("workers_killed")
            self._forward_signal(signal.SIGKILL)

    def _forward_signal(self, number: signal.Signals) -> None:
        for worker in self._workers.values():
            worker.send(number)

    def _told_to_stop(self) -> None:
        if self._stop.is_set():
            self._end_at_once()
        self._stop.set()

    def _end_at_once(self) -> NoReturn:
        self._forward_signal(signal.SIGKILL)
        os._exit(1)


def _reserve(host: str, port: int, until: ExitStack) -> None:
    """Makes sure that the port is nobody else's: workers that share it would share it with any other process too.

    Raises OSError.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, place in dict.fromkeys((entry[0], entry[4]) for entry in found):
        alone = until.enter_context(socket.socket(family))
        if family == socket.AF_INET6:
            alone.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            alone.bind(place)
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL and len(found) > 1:
                continue
            raise
        alone.close()
        kept = until.enter_context(socket.socket(family))
        if family == socket.AF_INET6:
            kept.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        kept.bind(place)
