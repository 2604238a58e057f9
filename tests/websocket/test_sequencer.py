"""The order of answers and pushed messages, for any order in which things happen."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from proxy.websocket.sequencer import ResponseSequencer, Slot


@given(st.data())
def test_order(data: st.DataObject) -> None:
    """Requests are answered by the node, some after further questions, or by the proxy itself; messages are pushed."""
    delivered: list[bytes] = []
    held: list[int] = []
    order = ResponseSequencer(delivered.append, held.append, lambda messages, _: delivered.extend(messages))
    unanswered: list[Slot] = []  # by the node
    unfilled: list[Slot] = []
    answered: list[int] = []
    subscribed: dict[bytes, list[int]] = {}  # message pushed, the subscribes answered before it
    subscribes: list[int] = []
    before: dict[int, list[int]] = {}  # own answer, the requests open before it
    number = 0
    kinds = ["request", "subscribe", "own", "node", "fill", "respond", "push", "together", "fail"]
    for step in data.draw(st.lists(st.sampled_from(kinds))):
        match step:
            case "request" | "subscribe" | "own":
                number += 1
                slot = order.open(blocks_pushes=step == "subscribe")
                assert slot.number == number
                if step == "own":
                    before[number] = [other.number for other in unanswered]
                    order.complete(slot, b"%d" % number)
                else:
                    unanswered.append(slot)
            case "node" if unanswered:
                slot = unanswered.pop(data.draw(st.integers(0, len(unanswered) - 1)))
                order.fix_position(slot)
                answered.append(slot.number)
                if slot.blocks_pushes:
                    subscribes.append(slot.number)
                unfilled.append(slot)
            case "respond" if unanswered:
                slot = unanswered.pop(data.draw(st.integers(0, len(unanswered) - 1)))
                answered.append(slot.number)
                if slot.blocks_pushes:
                    subscribes.append(slot.number)
                order.respond(slot, b"%d" % slot.number)
            case "fill" if unfilled:
                slot = unfilled.pop(data.draw(st.integers(0, len(unfilled) - 1)))
                order.complete(slot, b"%d" % slot.number)
            case "fail" if unanswered:
                slot = unanswered.pop(data.draw(st.integers(0, len(unanswered) - 1)))
                order.complete(slot, b"%d" % slot.number)
            case "push":
                text = b"pushed %d" % len(subscribed)
                subscribed[text] = list(subscribes)
                order.push(text)
            case "together":
                texts = [b"pushed %d" % (len(subscribed) + more) for more in range(2)]
                subscribed.update((text, list(subscribes)) for text in texts)
                order.push_frames(texts, b"")
    for slot in unanswered:
        order.fix_position(slot)
    for slot in (*unfilled, *unanswered):
        order.complete(slot, b"%d" % slot.number)

    assert sorted(delivered) == sorted([*(b"%d" % n for n in range(1, number + 1)), *subscribed])
    assert sum(held) == 0
    place: dict[Any, int] = {text: n for n, text in enumerate(delivered)}
    by_node = [place[b"%d" % n] for n in answered]
    assert by_node == sorted(by_node)
    for text, earlier in subscribed.items():
        assert all(place[b"%d" % n] < place[text] for n in earlier)
    for own, earlier in before.items():
        assert all(place[b"%d" % n] < place[b"%d" % own] for n in earlier)
    pushes = [place[text] for text in subscribed]
    assert pushes == sorted(pushes)


def test_what_is_pushed_does_not_overtake_what_was_pushed_before() -> None:
    """A message that waited for a `subscribe` still waits for an answer before it; so does the next one."""
    delivered: list[bytes] = []
    order = ResponseSequencer(delivered.append, lambda _: None, lambda messages, _: delivered.extend(messages))
    slow, subscribe = order.open(), order.open(blocks_pushes=True)
    order.fix_position(subscribe)
    order.fix_position(slow)
    order.push(b"first")
    order.complete(subscribe, b"subscribed")
    order.push_frames([b"second"], b"")
    assert delivered == [b"subscribed"]
    order.complete(slow, b"answered")
    order.push(b"third")
    assert delivered == [b"subscribed", b"answered", b"first", b"second", b"third"]
