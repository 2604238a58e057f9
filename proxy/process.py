"""One process of the proxy: its signals, its log, and what it tells the service manager."""

import asyncio
import os
import signal
from collections.abc import Callable
from typing import NoReturn

import structlog
import uvloop

from proxy.config import ConfigurationError, Settings
from proxy.listening.tls import CertificateProblem
from proxy.observe import logs
from proxy.server import Proxy
from proxy.systemd import ServiceManager

log = structlog.get_logger(__name__)


def run(settings: Settings, read_again: Callable[[], Settings]) -> None:
    """Serve until SIGTERM or SIGINT, a second one of which ends the process at once, with status 1.

    SIGHUP reads the configuration again with `read_again`, which raises ConfigurationError; SIGUSR1 has the log tell
    everything, and the next one as much as before. Raises OSError where an address cannot be had.
    """
    writer = logs.configure(settings.logging.level, settings.logging.format)
    try:
        uvloop.run(_Process(settings, read_again, writer).serve())
    finally:
        writer.close()


class _Process:
    def __init__(self, settings: Settings, read_again: Callable[[], Settings], writer: logs.LogWriter) -> None:
        self._proxy = Proxy(settings)
        self._read_again = read_again
        self._writer = writer
        self._manager = ServiceManager(os.environ)
        self._level: logs.Level = settings.logging.level
        self._all_is_told = False
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._told_to_stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload.set)
        loop.add_signal_handler(signal.SIGUSR1, self._tell_all_or_less)
        work = asyncio.create_task(self._start_and_reload())
        stop = asyncio.create_task(self._stop.wait())
        await asyncio.wait((work, stop), return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            stop.cancel()
            try:
                work.result()  # raises what kept it from starting
            finally:
                await self._proxy.stop()
        self._proxy.want_no_more()
        self._manager.tell("STOPPING=1", "finishing what is under way")
        log.info("stopping")
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await self._proxy.stop()
        log.info("stopped")

    async def _start_and_reload(self) -> None:
        await self._proxy.start()
        self._manager.tell("READY=1", f"serving at {' '.join(self._proxy.http_urls)}")
        watchdog = asyncio.create_task(self._manager.keep_alive())
        try:
            while True:
                await self._reload.wait()
                self._reload.clear()
                self._manager.tell("RELOADING=1")
                good = await self._read_and_apply()
                self._proxy.metrics.config_read(good)
                words = "" if good else ", by the configuration as it was: the new one is faulty"
                self._manager.tell("READY=1", f"serving at {' '.join(self._proxy.http_urls)}{words}")
        finally:
            watchdog.cancel()
            await asyncio.gather(watchdog, return_exceptions=True)

    async def _read_and_apply(self) -> bool:
        """Says whether the configuration, as it is now, is in force."""
        try:
            settings = self._read_again()
            await self._proxy.reload(settings)
        except ConfigurationError as error:
            log.error("configuration_kept", faults=[str(fault) for fault in error.faults])
        except (OSError, CertificateProblem) as error:
            log.error("configuration_kept", faults=[str(error)])
        else:
            self._level = settings.logging.level
            self._set_level()
            return True
        return False

    def _told_to_stop(self) -> None:
        if self._stop.is_set():
            self._end_at_once()
        self._stop.set()

    def _end_at_once(self) -> NoReturn:
        log.warning("stopped_at_once")
        self._writer.close()
        os._exit(1)

    def _tell_all_or_less(self) -> None:
        self._all_is_told = not self._all_is_told
        self._set_level()
        log.info("log_level_set", to="debug" if self._all_is_told else self._level)

    def _set_level(self) -> None:
        logs.set_level("debug" if self._all_is_told else self._level)
