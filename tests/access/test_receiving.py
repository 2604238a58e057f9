"""Bodies that arrive are bounded, and the client that sends the most at a time makes room for others."""

from proxy.access.receiving import ReceivingBodies


class Sender:
    """Bodies of one client."""

    def __init__(self, receiving: ReceivingBodies, client: str) -> None:
        self.receiving, self.client = receiving, client
        self.given_up: list[int] = []
        self.sent = 0

    def send(self, most: int = 10, most_of_client: int | None = 6) -> str | None:
        number = self.sent
        self.sent += 1
        return self.receiving.add(self.client, lambda: self.given_up.append(number), most, most_of_client)


def test_a_client_has_a_bound_of_its_own() -> None:
    sender = Sender(ReceivingBodies(), "a")
    assert [sender.send() for _ in range(7)] == [None] * 6 + ["in_flight_per_address"]
    assert [Sender(sender.receiving, "b").send(), sender.receiving.count] == [None, 7]


def test_when_all_places_are_taken_the_client_with_the_most_makes_room() -> None:
    receiving = ReceivingBodies()
    attackers = [Sender(receiving, name) for name in "ab"]
    assert [sender.send() for sender in attackers for _ in range(5)] == [None] * 10
    victim = Sender(receiving, "v")
    assert [victim.send() for _ in range(3)] == [None] * 3
    assert sum(len(sender.given_up) for sender in attackers) == 3
    assert attackers[0].given_up[:1] == [0]  # the oldest first
    assert receiving.count == 10
    assert victim.given_up == []


def test_no_client_takes_the_last_place_of_another() -> None:
    receiving = ReceivingBodies()
    senders = [Sender(receiving, name) for name in "abcde"]
    assert [sender.send() for sender in senders * 2] == [None] * 10
    assert senders[0].send() == "in_flight"
    assert Sender(receiving, "f").send(most_of_client=None) is None  # it has none, they have two each


def test_what_has_arrived_is_counted_no_more() -> None:
    receiving = ReceivingBodies()
    bodies = [lambda: None for _ in range(3)]
    for body in bodies:
        receiving.add("a", body, 10, 10)
    for body in bodies * 2:
        receiving.remove("a", body)
    assert receiving.count == 0
