"""What is started to be measured: a node that always answers the same, the proxy, and the others, each on one core."""

import http.client
import os
import resource
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import orjson

LOAD_CORE, SUBJECT_CORE = 0, 1
_WATCHED_EVERY = 0.002
_PATIENCE = 40.0
RIVALS = Path(__file__).parent / "rivals"
_ROOT = Path(__file__).parents[1]
_NGINX = """
    daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/log crit;
    {modules}
    events {{ worker_connections 4096; }}
    http {{
      access_log off; default_type application/json; keepalive_requests 1000000000; keepalive_timeout 600;
      client_body_buffer_size 2m; client_max_body_size 2m; open_file_cache max=10;
      upstream node {{ server 127.0.0.1:{node}; keepalive 64; }}
      proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffers 16 64k; proxy_buffer_size 64k;
      server {{ listen 127.0.0.1:{port} backlog=4096; {body} }}
    }}
"""


@dataclass(frozen=True, slots=True)
class Started:
    """A server that runs: where it is asked, and the process that is measured."""

    url: str
    pid: int

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rstrip("/").rpartition(":")[2])

    def cpu_seconds(self) -> float:
        """What it and its children have used so far."""
        return sum(_cpu(pid) for pid in [self.pid, *_children(self.pid)])

    def memory(self) -> int:
        """Bytes resident, of it and its children."""
        return sum(_resident(pid) for pid in [self.pid, *_children(self.pid)])

    @contextmanager
    def most_memory(self) -> Iterator[Callable[[], int]]:
        """Watches `memory` while this is open; what it yields returns the most so far."""
        most = [self.memory()]
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(_WATCHED_EVERY):
                most[0] = max(most[0], self.memory())

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            yield lambda: most[0]
        finally:
            ended.set()
            watching.join()


def allow_many_connections() -> None:
    """As many open files as the system lets this process and what it starts have."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def nginx_node(folder: Path, answer: bytes, cores: str = str(LOAD_CORE)) -> Iterator[Started]:
    """A node on these cores that gives `answer` to every POST."""
    port = free_port()
    (folder / "answer.json").write_bytes(answer)
    # A file, for nginx takes no longer text in its configuration; POST is refused for files, which is then made good.
    body = f"root {folder}; error_page 405 =200 /answer.json; location / {{ try_files /answer.json =404; }}"
    with _nginx(folder, "node", port, port, body, cores=cores) as started:
        yield started


@contextmanager
def nginx(folder: Path, node: int, *, lua: bool) -> Iterator[Started]:
    """An nginx before the node: passing through, or rewriting in Lua."""
    port = free_port()
    passing = "location / { proxy_pass http://node; }"
    rewriting = (
        "location /node { internal; proxy_pass http://node/; } "
        f"location / {{ content_by_lua_file {RIVALS}/rewrite.lua; }}"
    )
    with _nginx(folder, "lua" if lua else "nginx", port, node, rewriting if lua else passing, lua=lua) as started:
        yield started


def has_lua() -> bool:
    """Whether nginx has its Lua here, and cjson."""
    return all(
        any(Path(folder).glob(name))
        for folder, name in (
            ("/usr/lib/nginx/modules", "ngx_http_lua_module.so"),
            ("/usr/lib", "*/lua/5.1/cjson.so"),
        )
    )


@contextmanager
def _nginx(
    folder: Path, name: str, port: int, node: int, body: str, *, cores: str = str(SUBJECT_CORE), lua: bool = False
) -> Iterator[Started]:
    own = folder / name
    own.mkdir()
    modules = "".join(
        f"load_module /usr/lib/nginx/modules/{module}.so; "
        for module in ("ndk_http_module", "ngx_http_lua_module")
        if lua
    )
    if os.geteuid() == 0:
        modules = f"user root; {modules}"
    config = own / "nginx.conf"
    config.write_text(dedent(_NGINX).format(folder=own, modules=modules, port=port, node=node, body=body))
    with process(["nginx", "-p", str(own), "-c", str(config)], port, cores) as started:
        yield started


@contextmanager
def our_proxy(
    folder: Path,
    node: dict[str, object],
    sections: dict[str, object] | None = None,
    cores: str = str(SUBJECT_CORE),
    python: str = sys.executable,
) -> Iterator[Started]:
    """The proxy as in production: metrics, guard and limits on, requests that succeed not logged each."""
    path = folder / "proxy.json"
    config = configuration(node, sections)
    path.write_bytes(orjson.dumps(config))
    port = config["listen"]["port"]
    with process([python, "-m", "proxy", "serve", "--config", str(path)], port, cores) as started:
        until = time.monotonic() + _PATIENCE
        while not is_ready(config["observe"]["port"]):
            if time.monotonic() > until:
                raise RuntimeError("the proxy does not become ready")
            time.sleep(0.02)
        yield started


def is_ready(port: int) -> bool:
    """Whether the proxy with this port for its observe address is ready now."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def configuration(node: dict[str, object], sections: dict[str, object] | None = None) -> dict[str, Any]:
    """That of the proxy in front of this node, on free ports; `sections` replace whole ones."""
    port = free_port()
    return {
        "listen": {"host": "127.0.0.1", "port": port},
        "observe": {"host": "127.0.0.1", "port": free_port()},
        "nodes": [{"name": "node", **node}],
        "logging": {"requests": "errors", "level": "warning"},
        "limits": {"in_flight": 10_000, "connections": 20_000, "exempt": ["127.0.0.0/8"]},
        # The node answers this question too with all it has.
        "timeouts": {"health_interval": 600},
        "websocket": {"sessions": 20_000, "sessions_per_address": 20_000},
        **(sections or {}),
    }


@contextmanager
def plain_python(node: int, python: str = sys.executable, cores: str = str(SUBJECT_CORE)) -> Iterator[Started]:
    """The plain aiohttp proxy, for HTTP and WebSocket."""
    port = free_port()
    with process([python, "-m", "bench.rivals.plain", f"127.0.0.1:{node}", str(port)], port, cores) as started:
        yield started


@contextmanager
def plain_javascript(node: int) -> Iterator[Started]:
    """The plain proxy of Node.js."""
    port = free_port()
    with process(["node", str(RIVALS / "proxy.js"), f"http://127.0.0.1:{node}/", str(port)], port) as started:
        yield started


@contextmanager
def process(command: list[str], port: int, cores: str = str(SUBJECT_CORE)) -> Iterator[Started]:
    """A process on these cores, from when it listens at `port` until the end."""
    pinned = ["taskset", "-c", cores, *command] if shutil.which("taskset") else command
    running = subprocess.Popen(pinned, cwd=_ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, running)
        yield Started(f"http://127.0.0.1:{port}/", running.pid)
    finally:
        running.terminate()
        try:
            running.wait(15)
        except subprocess.TimeoutExpired:
            running.kill()


def _wait_for(port: int, running: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        if running.poll() is not None:
            raise RuntimeError(f"{running.args!r} ended at once")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{running.args!r} does not listen at {port}")


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _cpu(pid: int) -> float:
    """Of all its threads, in nanoseconds' resolution, unlike /proc: clock_getcpuclockid(3), which Python lacks."""
    return time.clock_gettime((~pid << 3) | 2)


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except FileNotFoundError:  # it has just ended
        return 0
