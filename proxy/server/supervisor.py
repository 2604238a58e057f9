"""Several worker processes on the same ports, and the supervisor that starts, replaces, reloads and stops them."""

import asyncio
import errno
import os
import signal
import socket
from contextlib import ExitStack, suppress
from typing import NoReturn

import structlog
import uvloop

import proxy
from proxy.config import ConfigSource, ConfigurationError, Settings
from proxy.eventloop.backoff import Backoff
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
        uvloop.run(_Supervisor(settings, source, run_worker).serve())
    finally:
        writer.close()


class _Supervisor:
    def __init__(self, settings: Settings, source: ConfigSource, run_worker: RunWorker) -> None:
        self._settings = settings
        self._source = source
        self._run_worker = run_worker
        self._workers: dict[int, Worker] = {}
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
            allowed_hosts=settings.observe.allowed_hosts,
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
                    _reserve(listen.host, port, reserved)
            await self._aggregate.start()
            work = asyncio.create_task(self._start_and_supervise())
            stop = asyncio.create_task(self._stop.wait())
            watch = asyncio.create_task(self._watch())
            try:
                await asyncio.wait((work, stop), return_when=asyncio.FIRST_COMPLETED)
                if work.done():
                    work.result()  # raises the reason they could not start
            finally:
                self._stop.set()
                self._manager.notify("STOPPING=1", "finishing requests in progress")
                work.cancel()
                watch.cancel()
                await asyncio.gather(work, stop, watch, return_exceptions=True)
                await self._stop_workers()
                await self._aggregate.stop()
        log.info("stopped")

    async def _start_and_supervise(self) -> None:
        """Start the workers and replace those that exit, until cancelled. Raises OSError with a worker's reason."""
        await self._start_all()
        log.info("workers_started", count=len(self._workers), observe=self._aggregate.url, version=proxy.__version__)
        self._manager.notify("READY=1", f"serving with {len(self._workers)} workers")
        respawning = [self._respawn(number) for number in self._workers]
        watching = watch_config(self._source, lambda: self._settings.watch_config, self._reload.set)
        await asyncio.gather(
            *respawning, self._manager.keep_alive(), self._reload_all(), watching, return_exceptions=True
        )

    async def _start_all(self) -> None:
        """Start all workers and wait until each serves. Raises OSError with the reason of one that cannot."""
        for number in range(1, self._settings.workers + 1):
            self._start(number)
        for worker in self._workers.values():
            await worker.started.wait()
            if worker.observe_url is None:
                raise OSError(None, worker.failure or "a worker exited immediately")

    def _start(self, number: int) -> Worker:
        worker = self._workers[number] = Worker(number, self._settings, self._source, self._run_worker)
        return worker

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
        """Kill workers that hang: they would hold on to their clients, and be given new ones.

        Silence is counted in rounds of this loop rather than by the clock, so that no worker is killed after all
        processes were suspended together, as in a paused container.
        """
        while True:
            await asyncio.sleep(CHECK_EVERY)
            for worker in self._workers.values():
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
            good = True
            done: set[Worker] = set()
            # A worker that was replaced meanwhile has been started with the old configuration.
            while left := [worker for worker in self._workers.values() if worker not in done]:
                for worker in left:
                    done.add(worker)
                    good = await self._reload_worker(worker) and good
            self._adopt_settings(good)
            words = "" if good else RELOAD_FAILED
            self._manager.notify("READY=1", f"serving with {len(self._workers)} workers{words}")

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

    def _adopt_settings(self, good: bool) -> None:
        """Start later workers with the configuration that the running ones have applied, if they have.

        If not, it is still read: the files that it names are watched, as one of them may be what is wrong with it.
        """
        with suppress(ConfigurationError):  # reported by the workers, or the file has changed again since
            settings = self._source.read()
            if not good:
                return
            unchanged = [
                key for key in ("workers", "observe") if getattr(settings, key) != getattr(self._settings, key)
            ]
            if unchanged:
                log.warning("restart_required", keys=unchanged)
            same = {"workers": self._settings.workers, "observe": self._settings.observe}
            self._settings = settings.model_copy(update=same)

    async def _stop_workers(self) -> None:
        """Let all workers drain, and kill those that exceed the time they have."""
        timeouts = self._settings.timeouts
        self._forward_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(timeouts.drain_delay + timeouts.shutdown + EXIT_MARGIN):
                for worker in self._workers.values():
                    await worker.exited.wait()
        except TimeoutError:
            log.warning("workers_killed")
            self._forward_signal(signal.SIGKILL)

    def _forward_signal(self, number: signal.Signals) -> None:
        for worker in self._workers.values():
            worker.send(number)

    def _on_stop_signal(self) -> None:
        if self._stop.is_set():
            self._exit_immediately()
        self._stop.set()

    def _exit_immediately(self) -> NoReturn:
        self._forward_signal(signal.SIGKILL)
        os._exit(1)


def _reserve(host: str, port: int, until: ExitStack) -> None:
    """Make sure that no other program has the port, and hold it: workers that share it would share it with any program.

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
