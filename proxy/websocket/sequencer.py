"""In which order a client gets its answers and what is pushed."""

from collections import deque
from collections.abc import Callable


class Slot:
    """The place of one answer, or of one pushed message, among all that a session sends."""

    __slots__ = ("blocks_pushes", "delivered", "held", "message", "number")

    def __init__(self, number: int, blocks_pushes: bool = False) -> None:
        self.number = number
        self.blocks_pushes = blocks_pushes
        self.message: bytes | None = None
        self.held = 0
        """Bytes of the message, once it has had to wait for its turn."""
        self.delivered = False


class ResponseSequencer:
    """Answers go out in the order in which the node answered, as if the client had asked the node itself.

    rippled answers the requests of one connection one after the other, Clio as each is done; both orders are preserved.
    Only what comes later counts: an answer that takes the proxy more questions is waited for by those that the node
    gave after it. What the proxy answers by itself waits for all requests before it, as in rippled. What is pushed
    goes out at once, but never before the answer to the request that subscribed to it.

    `deliver` is given each message in its turn, `hold` the bytes that have to wait for theirs, and once more, negative,
    when it has come. `deliver_together` is `deliver` for messages whose WebSocket frames are there already.
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
        """A place for the answer to a request that has just come. `holds_pushed`: it changes what is pushed."""
        self._last_number += 1
        slot = Slot(self._last_number, blocks_pushes)
        self._asked[slot.number] = slot
        return slot

    def fix_position(self, slot: Slot) -> None:
        """The node has answered the request, at least its first question: this fixes its place."""
        if self._asked.pop(slot.number, None) is not None:
            self._place(slot)
            self._place_own()

    def block_pushes(self, slot: Slot) -> None:
        """From now on what is pushed comes after the answer of `slot`, which has its place."""
        if not (slot.blocks_pushes or slot.delivered):
            slot.blocks_pushes = True
            self._holding += 1

    def complete(self, slot: Slot, message: bytes) -> None:
        """The answer is ready; it is delivered when its turn has come."""
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
        """Answers that the node did not give have their place when all requests before them were answered."""
        while self._asked and (slot := next(iter(self._asked.values()))).message is not None:
            del self._asked[slot.number]
            self._place(slot)

    def push(self, message: bytes) -> None:
        """Delivers a pushed message."""
        if not self._holding:
            self._deliver_message(message)
            return
        slot = Slot(0, blocks_pushes=True)  # what is pushed later does not overtake it
        slot.message = message
        self._place(slot)
        self._wait(slot, message)

    def push_frames(self, messages: list[bytes], frames: bytes) -> None:
        """Delivers pushed messages, of which `frames` are the WebSocket frames, one behind the other."""
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
