"""Several worker processes on the same ports, and the supervisor that starts, replaces, reloads and stops them."""

import asyncio
import errno
import itertools
import os
import signal
import socket
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from typing import NoReturn

import structlog
import uvloop

import proxy
from proxy.config import ConfigSource, ConfigurationError, ObserveSettings, Settings
from proxy.eventloop.backoff import Backoff
from proxy.http.bindable import naming_address
from proxy.observe.aggregate import AggregateServer
from proxy.server.config_watch import watch_config
from proxy.server.systemd import RELOAD_FAILED, ServiceManager
from proxy.server.worker import EXIT_MARGIN, RunWorker, Worker
from proxy.telemetry import logs

log = structlog.get_logger(__name__)

CHECK_EVERY = 5.0
"""Seconds between two checks for workers that hang."""

HUNG_AFTER = 30.0
"""Seconds of silence after which a worker is killed."""

_FIRST_PAUSE, _LONGEST_PAUSE, _STABLE_AFTER = 0.5, 30.0, 60.0
"""Seconds before an exited worker is replaced: at first, at most; and the uptime after which the first applies again.
"""

_RELOAD_TIMEOUT = 30.0
"""Seconds that a worker may take to read the configuration again, before the next worker's turn."""


def supervise(settings: Settings, source: ConfigSource, run_worker: RunWorker) -> None:
    """Serve with `settings.workers` processes, each running `run_worker`, until SIGTERM or SIGINT.

    SIGHUP and SIGUSR1 are forwarded to them. Raises OSError if an address cannot be bound.
    """
    writer = logs.configure(settings.logging.level, settings.logging.format)
    try:
        uvloop.run(_Supervisor(settings, source, writer, run_worker).serve())
    finally:
        writer.close()


class _Supervisor:
    def __init__(self, settings: Settings, source: ConfigSource, writer: logs.LogWriter, run_worker: RunWorker) -> None:
        self._settings = settings
        self._source = source
        self._writer = writer
        self._run_worker = run_worker
        self._workers: dict[int, Worker] = {}
        """The configured number of them, by their own number."""
        self._numbers = itertools.count(1)
        self._respawning: dict[int, asyncio.Task[None]] = {}
        self._surplus: dict[Worker, asyncio.Task[None]] = {}
        """Workers that drain because fewer are configured now."""
        self._manager = ServiceManager(os.environ)
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()
        self._aggregate = AggregateServer(
            settings.observe.host,
            settings.observe.port,
            version=proxy.__version__,
            wanted=settings.workers,
            workers=lambda: [each.observe_url for each in self._all_workers() if each.observe_url is not None],
            draining=self._stop.is_set,
            allowed_hosts=settings.observe.allowed_hosts,
            exemplars=settings.tracing.endpoint is not None,
        )

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_stop_signal)
        loop.add_signal_handler(signal.SIGHUP, self._reload.set)
        loop.add_signal_handler(signal.SIGUSR1, self._forward_signal, signal.SIGUSR1)
        with ExitStack() as reserved:
            for listen in self._settings.listeners:
                for port in listen.ports:
                    with naming_address(listen.host, port):
                        _reserve(listen.host, port, reserved)
            await self._aggregate.start()
            work = asyncio.create_task(self._start_and_supervise())
            stop = asyncio.create_task(self._stop.wait())
            watch = asyncio.create_task(self._watch())
            try:
                await asyncio.wait((work, stop), return_when=asyncio.FIRST_COMPLETED)
                if work.done():
                    work.result()  # raises the reason why they could not start
            finally:
                self._stop.set()
                self._manager.notify("STOPPING=1", "finishing requests in progress")
                workers = self._all_workers()
                tasks = (work, stop, watch, *self._respawning.values(), *self._surplus.values())
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await self._stop_workers(workers)
                await self._aggregate.stop()
        log.info("stopped", pid=os.getpid())

    async def _start_and_supervise(self) -> None:
        """Start the workers and replace those that exit, until cancelled. Raises OSError with a worker's reason."""
        await self._start_all()
        log.info("workers_started", count=len(self._workers), observe=self._aggregate.url, version=proxy.__version__)
        self._manager.notify("READY=1", f"serving with {len(self._workers)} workers")
        for number in self._workers:
            self._respawning[number] = asyncio.create_task(self._respawn(number))
        watching = watch_config(self._source, lambda: self._settings.watch_config, self._reload.set)
        await asyncio.gather(self._manager.keep_alive(), self._reload_all(), watching, return_exceptions=True)

    async def _start_all(self) -> None:
        """Start all workers and wait until each serves. Raises OSError with the reason of one that cannot."""
        for number in itertools.islice(self._numbers, self._settings.workers):
            self._start(number)
        for worker in self._workers.values():
            await worker.started.wait()
            if worker.observe_url is None:
                raise OSError(None, worker.failure or "a worker exited immediately")

    def _start(self, number: int) -> None:
        self._workers[number] = Worker(number, self._settings, self._source, self._run_worker)

    async def _respawn(self, number: int) -> None:
        """Replace a worker each time it exits, after a pause that doubles while replacements do not last."""
        loop = asyncio.get_running_loop()
        backoff, began = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE, jitter=0), loop.time()
        while True:
            worker = self._workers[number]
            await worker.exited.wait()
            if loop.time() - began > _STABLE_AFTER:
                backoff.reset()
            pause = backoff.next()
            log.error("worker_exited", worker=number, status=worker.exit_code, failure=worker.failure, again_in=pause)
            self._aggregate.worker_exited()
            await asyncio.sleep(pause)
            began = loop.time()
            try:
                self._start(number)
            except OSError as error:  # the limit of processes or files is reached: try again after a longer pause
                worker.failure = str(error)

    async def _watch(self) -> NoReturn:
        """Kill workers that hang: they would hold their clients, and get new ones.

        Silence is counted in rounds of this loop rather than by the clock, so that no worker is killed after all
        processes were suspended together, as in a paused container.
        """
        while True:
            await asyncio.sleep(CHECK_EVERY)
            for worker in self._all_workers():
                if worker.silent_for is None:
                    continue
                worker.silent_for += CHECK_EVERY
                if worker.silent_for > HUNG_AFTER:
                    log.error("worker_hung", worker=worker.number, seconds=HUNG_AFTER)
                    worker.send(signal.SIGKILL)
                    worker.silent_for = None

    async def _reload_all(self) -> None:
        """On each SIGHUP, reload the workers one after the other."""
        while True:
            await self._reload.wait()
            self._reload.clear()
            self._manager.notify("RELOADING=1")
            good = await self._reload_once()
            words = "" if good else RELOAD_FAILED
            self._manager.notify("READY=1", f"serving with {len(self._workers)} workers{words}")

    async def _reload_once(self) -> bool:
        """Apply the configuration as it is now; return whether that succeeded."""
        settings: Settings | None = None
        with suppress(ConfigurationError):  # which each worker logs and counts
            settings = self._source.read()
        moved = settings is None or await self._move_observe(settings.observe)
        self._aggregate.reloaded(rejected=not moved)
        if not moved:
            return False
        good = True
        done: set[Worker] = set()
        # A worker that was replaced meanwhile has been started with the old configuration.
        while left := [worker for worker in self._workers.values() if worker not in done]:
            for worker in left:
                done.add(worker)
                good = await self._reload_worker(worker) and good
        if settings is None or not good:
            await self._move_observe(self._settings.observe)
            return False
        self._settings = settings
        logs.use(self._writer, settings.logging.level, settings.logging.format)
        await self._resize(settings.workers)
        return True

    async def _reload_worker(self, worker: Worker) -> bool:
        """Have a worker read the configuration again; return whether it applied it, or has exited."""
        try:
            async with asyncio.timeout(_RELOAD_TIMEOUT):
                await worker.started.wait()
                worker.reloaded.clear()
                worker.send(signal.SIGHUP)
                if not worker.exited.is_set():
                    await worker.reloaded.wait()
        except TimeoutError:
            log.error("worker_unresponsive", worker=worker.number, seconds=_RELOAD_TIMEOUT)
            return False
        return worker.exited.is_set() or worker.reload_ok

    async def _move_observe(self, settings: ObserveSettings) -> bool:
        """Serve operators at this address, if it has changed; return whether that succeeded."""
        try:
            await self._aggregate.move(settings.host, settings.port, settings.allowed_hosts)
        except OSError as error:
            log.error("configuration_rejected", problems=[f"observe: {error}"])
            return False
        return True

    async def _resize(self, wanted: int) -> None:
        """Start workers, or let some drain, until there are as many as configured."""
        surplus = list(self._workers)[wanted:]
        added = list(itertools.islice(self._numbers, wanted - len(self._workers))) if not surplus else []
        if not surplus and not added:
            return
        self._aggregate.want(wanted)
        for number in surplus:
            self._respawning.pop(number).cancel()
            worker = self._workers.pop(number)
            self._surplus[worker] = asyncio.create_task(self._drain(worker))
        try:
            for number in added:
                self._start(number)
                self._respawning[number] = asyncio.create_task(self._respawn(number))
        except OSError as error:  # the limit of processes or files is reached
            log.error("configuration_rejected", problems=[f"workers: {error}"])
        with suppress(TimeoutError):
            async with asyncio.timeout(_RELOAD_TIMEOUT):
                for worker in self._workers.values():
                    await worker.started.wait()
        log.info("workers_changed", count=len(self._workers))

    async def _drain(self, worker: Worker) -> None:
        """Drain a worker that is no longer needed."""
        try:
            await self._stop_workers([worker])
        finally:
            del self._surplus[worker]

    async def _stop_workers(self, workers: Sequence[Worker]) -> None:
        """Drain workers, and kill those that exceed their time."""
        timeouts = self._settings.timeouts
        _send(workers, signal.SIGTERM)
        try:
            async with asyncio.timeout(timeouts.drain_delay + timeouts.shutdown + EXIT_MARGIN):
                for worker in workers:
                    await worker.exited.wait()
        except TimeoutError:
            log.warning("workers_killed")
            _send(workers, signal.SIGKILL)

    def _all_workers(self) -> list[Worker]:
        return [*self._workers.values(), *self._surplus]

    def _forward_signal(self, number: signal.Signals) -> None:
        _send(self._all_workers(), number)

    def _on_stop_signal(self) -> None:
        if self._stop.is_set():
            self._exit_immediately()
        self._stop.set()

    def _exit_immediately(self) -> NoReturn:
        self._forward_signal(signal.SIGKILL)
        os._exit(1)


def _send(workers: Iterable[Worker], number: signal.Signals) -> None:
    for worker in workers:
        worker.send(number)


def _reserve(host: str, port: int, until: ExitStack) -> None:
    """Make sure that no other program has the port, and hold it: a port shared by workers could be shared by any
    program.

    Raises OSError.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, address in dict.fromkeys((entry[0], entry[4]) for entry in found):
        exclusive = until.enter_context(_socket(family))
        try:
            exclusive.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL and len(found) > 1:
                continue
            raise
        exclusive.close()
        reserved = until.enter_context(_socket(family))
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind(address)


def _socket(family: int) -> socket.socket:
    made = socket.socket(family)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return made
