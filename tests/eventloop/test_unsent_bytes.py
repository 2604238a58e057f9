"""The bound on bytes that wait for slow clients: the slowest are disconnected, and never the others."""

from structlog.testing import capture_logs

from proxy.eventloop.unsent_bytes import UnsentBytes

MB = 1_000_000


class Client:
    """A connection that reports what waits for its client, and takes bytes as a test has it."""

    def __init__(self, unsent: UnsentBytes) -> None:
        self._unsent = unsent
        self._size = 0
        self.is_shed = False

    def unsent_bytes(self) -> int:
        return self._size

    def shed(self) -> None:
        self.is_shed = True
        self._unsent.report(self, 0)  # as a connection that is lost may

    def wait(self, size: int) -> None:
        """More begins to wait."""
        self._size += size
        self._unsent.report(self, self._size)

    def take(self, size: int, *, reports: bool = True) -> None:
        self._size -= size
        if reports:
            self._unsent.report(self, self._size)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_clients_that_take_nothing_are_disconnected_and_what_waits_stays_within_the_bound() -> None:
    clock = Clock()
    unsent = UnsentBytes(100 * MB, clock)
    clients = [Client(unsent) for _ in range(200)]
    with capture_logs() as logged:
        for client in clients:
            clock.now += 0.05
            client.wait(4 * MB)
            assert unsent.total <= 100 * MB
    left = [client for client in clients if not client.is_shed]
    assert unsent.total == 4 * MB * len(left) > 80 * MB
    assert clients[-len(left) :] == left  # those that have waited longest are disconnected
    assert {line["event"] for line in logged} == {"slow_clients_closed"}
    assert sum(line["clients"] for line in logged) == 200 - len(left)
    assert len(logged) < 100  # one line for several


def test_a_client_that_reads_outlasts_those_that_read_a_little() -> None:
    clock = Clock()
    unsent = UnsentBytes(50 * MB, clock)
    reader, new = Client(unsent), Client(unsent)
    reader.wait(8 * MB)
    slow = [Client(unsent) for _ in range(20)]
    for client in slow[:10]:
        client.wait(4 * MB)
    for _ in range(5):
        clock.now += 1
        reader.take(MB)
        for client in slow[:10]:
            client.take(2_048)
    new.wait(4 * MB)
    for client in slow[10:]:
        clock.now += 0.1
        client.wait(4 * MB)
    assert sum(client.is_shed for client in slow[:10]) > 5
    assert not reader.is_shed
    assert not new.is_shed


def test_what_clients_have_taken_without_a_report_counts() -> None:
    unsent = UnsentBytes(10 * MB, Clock())
    quiet, other = Client(unsent), Client(unsent)
    quiet.wait(9 * MB)
    quiet.take(8 * MB, reports=False)
    other.wait(2 * MB)
    assert unsent.total == 3 * MB
    assert not quiet.is_shed
    assert not other.is_shed


def test_one_client_alone_may_have_a_larger_response() -> None:
    unsent = UnsentBytes(MB, Clock())
    only = Client(unsent)
    only.wait(30 * MB)
    assert not only.is_shed
    only.take(30 * MB)
    assert unsent.total == 0
