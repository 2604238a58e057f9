"""One process of the proxy: its signals, its log, and its notifications to the service manager."""

import asyncio
import gc
import os
import signal
from multiprocessing.connection import Connection
from typing import NoReturn

import structlog
import uvloop

from proxy.config import ConfigSource, ConfigurationError, ObserveSettings, Settings
from proxy.eventloop.memory import trim_regularly
from proxy.server.config_watch import watch_config
from proxy.server.proxy import Proxy
from proxy.server.supervisor import supervise
from proxy.server.systemd import RELOAD_FAILED, ServiceManager
from proxy.server.worker import heartbeat, notify_supervisor
from proxy.telemetry import logs
from proxy.tls import CertificateProblem

log = structlog.get_logger(__name__)


def run(settings: Settings, source: ConfigSource) -> None:
    """Serve until SIGTERM or SIGINT; a second one ends the process immediately, with status 1.

    SIGHUP reads the configuration again from `source`; SIGUSR1 turns debug logging on, and the next one off again.
    Raises OSError if an address cannot be bound.
    """
    if settings.workers > 1:
        supervise(settings, source, run_worker)
        return
    writer = logs.configure(settings.logging.level, settings.logging.format)
    try:
        uvloop.run(_Process(settings, source, writer).serve())
    finally:
        writer.close()


def run_worker(settings: Settings, source: ConfigSource, supervisor: Connection) -> None:
    """Serve as one of several processes on the same ports, until SIGTERM or until the supervisor is gone."""
    # Ctrl-C reaches every process of a terminal; the supervisor passes it on as SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC"):
        os.environ.pop(name, None)
    writer = logs.configure(settings.logging.level, settings.logging.format)
    os.set_blocking(supervisor.fileno(), False)
    try:
        uvloop.run(_Worker(settings, source, writer, supervisor).serve())
    except (OSError, CertificateProblem) as error:
        notify_supervisor(supervisor, "FAILED", str(error))
    finally:
        writer.close()


class _Process:
    _stops_at: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM)

    def __init__(
        self,
        settings: Settings,
        source: ConfigSource,
        writer: logs.LogWriter,
        *,
        is_worker: bool = False,
    ) -> None:
        self._proxy = Proxy(settings, shares_ports=is_worker)
        self._source = source
        self._watches = settings.watch_config
        self._writer = writer
        self._manager = ServiceManager(os.environ)
        self._level: logs.Level = settings.logging.level
        self._debug = False
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        for number in self._stops_at:
            loop.add_signal_handler(number, self._on_stop_signal)
        loop.add_signal_handler(signal.SIGHUP, self._reload.set)
        loop.add_signal_handler(signal.SIGUSR1, self._toggle_debug)
        work = asyncio.create_task(self._start_and_reload())
        stop = asyncio.create_task(self._stop.wait())
        await asyncio.wait((work, stop), return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            stop.cancel()
            try:
                work.result()  # raises the reason why it could not start
            finally:
                await self._proxy.stop()
        self._proxy.begin_drain()
        self._manager.notify("STOPPING=1", "finishing requests in progress")
        log.info("stopping", pid=os.getpid())
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await self._proxy.stop()
        log.info("stopped", pid=os.getpid())

    async def _start_and_reload(self) -> None:
        await self._proxy.start()
        _tune_gc()
        self._started()
        self._manager.notify("READY=1", f"serving at {' '.join(self._proxy.http_urls)}")
        background = asyncio.gather(
            self._manager.keep_alive(),
            trim_regularly(),
            watch_config(self._source, lambda: self._watches, self._reload.set),
        )
        try:
            while True:
                await self._reload.wait()
                self._reload.clear()
                self._manager.notify("RELOADING=1")
                good = await self._read_and_apply()
                self._proxy.metrics.config_read(good)
                self._reloaded(good)
                words = "" if good else RELOAD_FAILED
                self._manager.notify("READY=1", f"serving at {' '.join(self._proxy.http_urls)}{words}")
        finally:
            background.cancel()
            await asyncio.gather(background, return_exceptions=True)

    def _started(self) -> None:
        """Called when the proxy serves."""

    def _reloaded(self, good: bool) -> None:
        """Called after each reload; `good` says whether the new configuration was applied."""

    def _read(self) -> Settings:
        """Read the settings of this process again. Raises ConfigurationError."""
        return self._source.read()

    async def _read_and_apply(self) -> bool:
        """Read the configuration and apply it; return whether that succeeded."""
        try:
            settings = self._read()
            await self._proxy.reload(settings)
        except ConfigurationError as error:
            log.error("configuration_rejected", problems=[str(problem) for problem in error.problems])
        except (OSError, CertificateProblem) as error:
            log.error("configuration_rejected", problems=[str(error)])
        else:
            self._level = settings.logging.level
            logs.use(self._writer, "debug" if self._debug else self._level, settings.logging.format)
            self._watches = settings.watch_config
            return True
        return False

    def _on_stop_signal(self) -> None:
        if self._stop.is_set():
            self._exit_immediately()
        self._stop.set()

    def _exit_immediately(self) -> NoReturn:
        log.warning("stopped_forcibly")
        self._writer.close()
        os._exit(1)

    def _toggle_debug(self) -> None:
        self._debug = not self._debug
        logs.set_level("debug" if self._debug else self._level)
        log.info("log_level_changed", to="debug" if self._debug else self._level)


class _Worker(_Process):
    """One of several processes, each with an observe address that only the supervisor queries."""

    _stops_at = (signal.SIGTERM,)

    def __init__(
        self,
        settings: Settings,
        source: ConfigSource,
        writer: logs.LogWriter,
        supervisor: Connection,
    ) -> None:
        super().__init__(_of_worker(settings), source, writer, is_worker=True)
        self._supervisor = supervisor

    async def serve(self) -> None:
        alive = asyncio.create_task(heartbeat(self._supervisor))
        try:
            await super().serve()
        finally:
            alive.cancel()

    def _on_stop_signal(self) -> None:
        # Not forced by a second one: a signal to the process group comes here directly and from the supervisor.
        self._stop.set()

    def _started(self) -> None:
        notify_supervisor(self._supervisor, "READY", self._proxy.observe_url)
        # The supervisor never writes: when the pipe becomes readable, the supervisor is gone.
        asyncio.get_running_loop().add_reader(self._supervisor.fileno(), self._on_supervisor_lost)

    def _read(self) -> Settings:
        return _of_worker(super()._read())

    def _reloaded(self, good: bool) -> None:
        notify_supervisor(self._supervisor, "RELOADED", "good" if good else "")

    def _on_supervisor_lost(self) -> None:
        asyncio.get_running_loop().remove_reader(self._supervisor.fileno())
        self._stop.set()


def _tune_gc() -> None:
    """Run the cyclic garbage collector less often, and not over the objects that exist at the start.

    A response of 1 MB is about ten thousand objects, none of them in a cycle. With the default thresholds the collector
    traverses them repeatedly while they are created, which took two fifths of the time. Collecting first would take
    a tenth of the start, for 2,000 objects that are garbage by then.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _of_worker(settings: Settings) -> Settings:
    """The settings of a worker: an observe address for the supervisor, which also watches the configuration's files."""
    observe = ObserveSettings(host="127.0.0.1", port=0, method_buckets=settings.observe.method_buckets)
    return settings.model_copy(update={"observe": observe, "watch_config": False})
