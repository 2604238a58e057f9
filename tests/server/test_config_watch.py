"""A configuration that is read again because its files changed, without a signal."""

import os
from pathlib import Path
from typing import Any

import orjson

from tests.support.listeners import ask
from tests.support.process import Process
from tests.support.processes import free_port
from tests.support.scripted_node import ScriptedNode

NEWEST = {"method": "fee", "params": [{"api_version": 3}]}


def watched(node: ScriptedNode, **sections: Any) -> dict[str, Any]:
    return {"nodes": [node.settings()], "watch_config": True, **sections}


async def test_a_written_file_is_applied(node: ScriptedNode, tmp_path: Path) -> None:
    async with Process(tmp_path, watched(node)) as process:
        url = (await process.line("started"))["listen"][0]
        assert (await ask(url, NEWEST))[0] == 400
        process.write(watched(node, versions={"max": 3}))
        await process.line("reloaded")
        assert (await ask(url, NEWEST))[0] == 200
        process.write(watched(node, versions={"max": 9}))
        await process.line("configuration_rejected")
        assert (await ask(url, NEWEST))[0] == 200
        # It goes on watching until the configuration says otherwise.
        process.write(watched(node, watch_config=False))
        await process.line("reloaded", 2)
        assert len([line for line in process.lines if line["event"] == "configuration_changed"]) == 3


async def test_a_volume_of_kubernetes_is_replaced_by_a_link(node: ScriptedNode, tmp_path: Path) -> None:
    """As the kubelet does it: the files are in a folder that `..data` leads to, and that is replaced as a whole."""
    process = Process(tmp_path, watched(node))
    old, new, data = tmp_path / "..1", tmp_path / "..2", tmp_path / "..data"
    old.mkdir()
    process.file.rename(old / "config.yaml")
    data.symlink_to(old.name)
    process.file.symlink_to(Path(data.name) / "config.yaml")
    new.mkdir()
    given = orjson.loads((old / "config.yaml").read_bytes())
    (new / "config.yaml").write_bytes(orjson.dumps(given | {"versions": {"max": 3}}))
    # The same size and time would not hide it.
    os.utime(new / "config.yaml", ns=(0, (old / "config.yaml").stat().st_mtime_ns))
    async with process:
        url = (await process.line("started"))["listen"][0]
        assert (await ask(url, NEWEST))[0] == 400
        (tmp_path / "..data_tmp").symlink_to(new.name)
        (tmp_path / "..data_tmp").replace(data)
        await process.line("reloaded")
        assert (await ask(url, NEWEST))[0] == 200


async def test_the_supervisor_watches_for_all_workers(node: ScriptedNode, tmp_path: Path) -> None:
    sections: dict[str, Any] = {"workers": 2, "listen": {"host": "127.0.0.1", "port": free_port()}}
    async with Process(tmp_path, watched(node, **sections)) as process:
        await process.line("workers_started")
        url = f"http://127.0.0.1:{sections['listen']['port']}/"
        assert (await ask(url, NEWEST))[0] == 400
        process.write(watched(node, versions={"max": 3}, **sections))
        await process.line("reloaded", 2)
        for _ in range(8):
            assert (await ask(url, NEWEST))[0] == 200
        assert len([line for line in process.lines if line["event"] == "configuration_changed"]) == 1
