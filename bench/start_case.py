"""How long `serve` takes from its start to when it is ready."""

import os
import subprocess
import tempfile
import time
from pathlib import Path

import orjson

from bench.answers import account_info
from bench.python import Python
from bench.servers import SUBJECT_CORE, configuration, is_ready, nginx_node

_PATIENCE = 20.0
_EVERY = 0.005


def start_to_ready(python: Python) -> float:
    """Seconds until `/ready` has status 200, of imports that are compiled already. Raises RuntimeError."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with nginx_node(folder, account_info(2, 2, "").answer) as node:
            config = configuration({"http": node.url, "api_version": 2})
            path = folder / "proxy.json"
            path.write_bytes(orjson.dumps(config))
            command = ["taskset", "-c", str(SUBJECT_CORE), python.path, "-m", "proxy", "serve", "--config", str(path)]
            # Where Python may not write what it compiles, it would compile it at each start.
            environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
            # structlog imports `rich` where it is installed: with development tools, but not where the proxy is served.
            (folder / "rich.py").write_text("raise ImportError\n")
            environment["PYTHONPATH"] = name
            began = time.monotonic()
            running = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                while not is_ready(config["observe"]["port"]):
                    if running.poll() is not None or time.monotonic() > began + _PATIENCE:
                        raise RuntimeError("the proxy did not become ready")
                    time.sleep(_EVERY)
                return time.monotonic() - began
            finally:
                running.terminate()
                running.wait(_PATIENCE)
