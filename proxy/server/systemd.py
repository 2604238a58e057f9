"""Notifications to the service manager: the protocol of sd_notify(3), used if `NOTIFY_SOCKET` is set."""

import asyncio
import os
import socket
import time
from collections.abc import Mapping

RELOAD_FAILED = ", with the previous configuration: the new one is invalid"
"""The end of the status text after a failed reload."""


class ServiceManager:
    """The service manager that started this process, reached through the socket that `NOTIFY_SOCKET` names."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        mine = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        usec = environ.get("WATCHDOG_USEC", "")
        self._watchdog_seconds = int(usec) / 1_000_000 if mine and usec.isdigit() else 0

    def notify(self, state: str, status: str = "") -> None:
        """Send `READY=1`, `RELOADING=1`, `STOPPING=1` or `WATCHDOG=1`, with a `status` text for people."""
        if not self._address:
            return
        lines = [state]
        if state == "RELOADING=1":
            lines.append(f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        if status:
            lines.append(f"STATUS={status}")
        # A leading @ stands for the null byte of an abstract address.
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as notify:
                notify.sendto("\n".join(lines).encode(), address)
        except OSError:
            pass  # nobody listens, which does no harm

    async def keep_alive(self) -> None:
        """Notify the watchdog from the event loop, twice per interval, until cancelled."""
        while self._watchdog_seconds:
            self.notify("WATCHDOG=1")
            await asyncio.sleep(self._watchdog_seconds / 2)
