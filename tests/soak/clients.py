"""Clients for a soak test: each checks that it receives what is its own, all of it, and in its version."""

import asyncio
import itertools
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from tests.soak.trend import MemoryTrend

_tags = itertools.count(1)


@dataclass
class Found:
    """What all clients saw: counts of what was well, and each fault in words."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    lag: float = 0.0
    """The longest time, in seconds, that the event loop has been late: this process does everybody's work."""
    memory: MemoryTrend = field(default_factory=lambda: MemoryTrend(0))
    """Under load, after a third of the time."""

    def judge_memory(self) -> None:
        """Counts memory that grows as a fault."""
        if self.memory.is_judged and not self.memory.is_flat:
            self.fault("memory grows under load (kB)", round(self.memory.growth))

    def fault(self, what: str, message: object = "") -> None:
        """Keeps a fault; many are as telling as a few."""
        if len(self.faults) < 50:
            self.faults.append(f"{what}: {str(message)[:300]}")


class SoakClient:
    """One session, of random conduct: polite, or hanging up in the middle, or not reading, or answering no ping."""

    def __init__(
        self, http: aiohttp.ClientSession, url: str, reconnects: bool, chance: random.Random, found: Found
    ) -> None:
        self._http = http
        self._url = url
        self._reconnects = reconnects
        self._chance = chance
        self._found = found
        self._tag = f"t{next(_tags)}"
        self._asked: dict[str, dict[str, Any]] = {}
        self._sent_at: dict[str, float] = {}
        self._subscribed_in: int | None = None
        self._streams: list[str] = []
        self._numbers: dict[Any, int] = {}

    async def run(self) -> None:
        """Lives one session from handshake to end."""
        conduct = self._chance.choices(["polite", "abrupt", "slow", "silent"], [65, 25, 5, 5])[0]
        try:
            async with self._http.ws_connect(
                self._url,
                compress=15 if self._chance.random() < 0.3 else 0,
                autoping=conduct != "silent",
                timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
                max_msg_size=0,
                decode_text=False,
            ) as socket:
                self._found.counts[conduct] += 1
                await self._live(socket, conduct)
        except aiohttp.WSServerHandshakeError as error:
            self._found.counts[f"refused with {error.status}"] += 1
        except (aiohttp.ClientError, OSError):
            self._found.counts["cut off"] += 1

    async def _live(self, socket: "aiohttp.ClientWebSocketResponse[bool]", conduct: str) -> None:
        if conduct == "silent":
            async with asyncio.timeout(10):
                while (await socket.receive()).type is aiohttp.WSMsgType.PING:
                    pass
            return
        if self._chance.random() < 0.6 or conduct == "slow":
            await self._subscribe(socket, flood=conduct == "slow")
        if conduct == "slow":
            await asyncio.sleep(self._chance.uniform(0.2, 2))
            socket._writer.transport.abort()
            return
        for _ in range(self._chance.randint(1, 8)):
            for _ in range(self._chance.choice([1, 3, 20])):
                await self._ask(socket)
            if conduct == "abrupt" and self._chance.random() < 0.4:
                socket._writer.transport.abort()
                return
            if not await self._read(socket):
                return

    async def _subscribe(self, socket: "aiohttp.ClientWebSocketResponse[bool]", flood: bool) -> None:
        version = self._chance.choice([None, 1, 2])
        pushes, size = (0.0001, 200_000) if flood else (self._chance.choice([0.002, 0.02, 0.2]), 0)
        about = {"accounts": [self._tag], "pushes": pushes, "size": size, **({"most": 100} if flood else {})}
        if not flood and self._chance.random() < 0.6:
            self._streams = self._chance.choice([["ledger"], ["transactions"], ["ledger", "transactions"]])
            about = {"streams": self._streams}
        self._subscribed_in = version or 1
        await self._send(socket, {"command": "subscribe", **about}, version)

    async def _ask(self, socket: "aiohttp.ClientWebSocketResponse[bool]") -> None:
        request: dict[str, Any] = {"command": self._chance.choice(["account_info", "fee", "submit", "version"])}
        if request["command"] == "account_info":
            request["signer_lists"] = True
        if request["command"] == "submit":
            request["tx_blob"] = f"{self._tag}/{len(self._asked)}/{self._chance.random()}"
        request["size"] = self._chance.choice([0, 0, 0, 100, 50_000])
        await self._send(socket, request, self._chance.choice([None, 1, 2]))

    async def _send(
        self, socket: "aiohttp.ClientWebSocketResponse[bool]", request: dict[str, Any], version: int | None
    ) -> None:
        tag = f"{self._tag}/{next(_tags)}" if request["command"] != "subscribe" else self._tag
        sent = {**request, "tag": tag, "id": {"tag": tag}, **({} if version is None else {"api_version": version})}
        self._asked[tag] = sent
        self._sent_at[tag] = asyncio.get_running_loop().time()
        await socket.send_frame(orjson.dumps(sent), aiohttp.WSMsgType.TEXT)

    async def _read(self, socket: "aiohttp.ClientWebSocketResponse[bool]") -> bool:
        """Reads until everything has been answered; False when the proxy has closed the session."""
        try:
            async with asyncio.timeout(20):
                while self._asked:
                    message = await socket.receive()
                    if message.type is not aiohttp.WSMsgType.TEXT:
                        self._found.counts[f"closed with {socket.close_code}"] += 1
                        self._check_closed(socket.close_code)
                        return False
                    self._take(orjson.loads(message.data))
        except TimeoutError:
            self._found.fault("never answered", [*self._asked.values()])
            return False
        return True

    def _check_closed(self, code: int | None) -> None:
        """Requests in flight have been answered, except those sent while the connection was being closed."""
        now = asyncio.get_running_loop().time()
        # On its way to the proxy, into it, and back, the event loop may be late each time.
        old = [asked for tag, asked in self._asked.items() if now - self._sent_at[tag] > 1 + 4 * self._found.lag]
        if code in (1001, 1012) and old:
            self._found.fault("closed without a response to requests in flight", old)

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("type") != "response":
            self._take_pushed(message)
            return
        asked = self._asked.pop((message.get("id") or {}).get("tag", ""), None)
        if asked is None:
            self._found.fault("an answer to nothing that was asked, or a second one", message)
            return
        if message.get("api_version") != asked.get("api_version"):
            self._found.fault("another api_version than asked in", message)
        if "error" in message:
            self._found.counts[f"error {message['error']}"] += 1
            if message["request"] != asked:
                self._found.fault("an error of another request", message)
            return
        self._found.counts["answers"] += 1
        if asked["command"] == "version":
            return
        result = message["result"]
        if "streams" in asked:
            return
        if result["tag"] != asked["tag"] or len(result["pad"]) != asked["size"]:
            self._found.fault("the answer to another request", message)
        if asked["command"] == "account_info":
            holder = result if asked.get("api_version") == 2 else result["account_data"]
            if holder.get("signer_lists") != [asked["tag"]]:
                self._found.fault("another version's answer", message)

    def _take_pushed(self, message: dict[str, Any]) -> None:
        self._found.counts["pushed"] += 1
        if self._tag in self._asked:
            self._found.fault("pushed before the subscribe was answered", message)
        if "node" in message:
            self._found.counts["pushed to all"] += 1
            self._check_stream(message)
        else:
            if message.get("tag") != self._tag:
                self._found.fault("pushed to the wrong client", message)
            last = self._numbers.get(message["connection"], 0)
            if message["number"] != last + 1:
                self._found.fault(f"pushed after {last}", message)
            self._numbers[message["connection"]] = message["number"]
        if message["type"] == "transaction" and ("tx_json" in message) != (self._subscribed_in == 2):
            self._found.fault("pushed in another version", message)

    def _check_stream(self, message: dict[str, Any]) -> None:
        """One after the other, none twice; a session that has gone on at another node may have missed some."""
        stream = "ledger" if message["type"] == "ledgerClosed" else "transactions"
        if stream not in self._streams:
            self._found.fault("pushed and not subscribed to", message)
        of = (message["node"], stream)
        number = message["number"]
        last = self._numbers.get(of, number - 1)
        if number <= last or (number > last + 1 and not self._reconnects):
            self._found.fault(f"of a stream, pushed after {last}", message)
        self._numbers[of] = number
