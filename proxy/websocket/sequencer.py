"""The order in which a client gets responses and pushed messages."""

from collections import deque
from collections.abc import Callable


class Slot:
    """The position of one response, or pushed message, among all that a session sends."""

    __slots__ = ("blocks_pushes", "delivered", "held", "message", "number")

    def __init__(self, number: int, blocks_pushes: bool = False) -> None:
        self.number = number
        self.blocks_pushes = blocks_pushes
        self.message: bytes | None = None
        self.held = 0
        """Bytes of the message, if it had to wait for its turn."""
        self.delivered = False


class ResponseSequencer:
    """Sends responses in the order of the node's responses, as if the client were connected to the node itself.

    rippled answers the requests of one connection one after the other, Clio as each finishes; both orders are
    preserved. A response that takes several node requests delays those that the node gave after its first one. The
    proxy's own responses wait for all earlier requests, as in rippled. Pushed messages are sent immediately, but never
    before the response to the request that subscribed to them.

    `deliver` is called with each message in its turn; `hold` with the bytes of one that has to wait, and again,
    negative, when its turn comes. `deliver_together` is `deliver` for messages that have their WebSocket frames.
    """

    def __init__(
        self,
        deliver: Callable[[bytes], None],
        reserve: Callable[[int], None],
        deliver_together: Callable[[list[bytes], bytes], None],
    ) -> None:
        self._deliver_message = deliver
        self._deliver_together = deliver_together
        self._hold = reserve
        self._asked: dict[int, Slot] = {}
        # None while there is nothing: an empty deque takes 0.8 kB.
        self._answered: deque[Slot] | None = None
        self._holding = 0
        self._last_number = 0

    def open(self, *, blocks_pushes: bool = False) -> Slot:
        """Open a place for the response to a new request. `holds_pushed`: the request changes what is pushed."""
        self._last_number += 1
        slot = Slot(self._last_number, blocks_pushes)
        self._asked[slot.number] = slot
        return slot

    def fix_position(self, slot: Slot) -> None:
        """Fix the place of `slot`: the node has answered the request, or its first subrequest."""
        if self._asked.pop(slot.number, None) is not None:
            self._place(slot)
            self._place_own()

    def respond(self, slot: Slot, message: bytes) -> None:
        """Fix the place of `slot` and deliver its response when its turn comes: immediately, unless others wait."""
        if self._answered is not None:
            self.fix_position(slot)
            self.complete(slot, message)
            return
        del self._asked[slot.number]
        slot.delivered = True
        self._deliver_message(message)
        if self._asked:
            self._place_own()
            self._flush()

    def block_pushes(self, slot: Slot) -> None:
        """Send pushed messages after the response of `slot` from now on; its place is fixed."""
        if not (slot.blocks_pushes or slot.delivered):
            slot.blocks_pushes = True
            self._holding += 1

    def complete(self, slot: Slot, message: bytes) -> None:
        """Deliver a response when its turn comes."""
        slot.message = message
        self._place_own()
        self._flush()
        if not slot.delivered:
            self._wait(slot, message)

    def _place(self, slot: Slot) -> None:
        if self._answered is None:
            self._answered = deque()
        self._answered.append(slot)
        self._holding += slot.blocks_pushes

    def _place_own(self) -> None:
        """Fix the places of the proxy's own responses: they follow all earlier requests."""
        while self._asked and (slot := next(iter(self._asked.values()))).message is not None:
            del self._asked[slot.number]
            self._place(slot)

    def push(self, message: bytes) -> None:
        """Deliver a pushed message."""
        if not self._holding:
            self._deliver_message(message)
            return
        slot = Slot(0, blocks_pushes=True)  # later pushed messages do not overtake it
        slot.message = message
        self._place(slot)
        self._wait(slot, message)

    def push_frames(self, messages: list[bytes], frames: bytes) -> None:
        """Deliver pushed messages; `frames`: their WebSocket frames, concatenated."""
        if self._holding:
            for message in messages:
                self.push(message)
        else:
            self._deliver_together(messages, frames)

    def _wait(self, slot: Slot, message: bytes) -> None:
        slot.held = len(message)
        self._hold(slot.held)

    def _flush(self) -> None:
        while self._answered and self._answered[0].message is not None:
            slot = self._answered.popleft()
            self._holding -= slot.blocks_pushes
            self._deliver(slot)
        self._answered = self._answered or None

    def _deliver(self, slot: Slot) -> None:
        slot.delivered = True
        if slot.held:
            self._hold(-slot.held)
        self._deliver_message(slot.message or b"")
