"""The settings that bound everything: waiting times, sizes, rates and counts."""

from typing import Annotated

from pydantic import Field

from proxy.config.section import Section
from proxy.config.types import AllowedText, Bytes, Count, CountOrUnlimited, Depth, Network, Seconds, SecondsOrZero


class TimeoutSettings(Section):
    """Waiting times."""

    request: Seconds = Field(30, description="one client request from start to end")
    connect: Seconds = Field(3, description="connecting to a node")
    node_answer: Seconds = Field(20, description="one complete response of a node")
    request_head: Seconds = Field(
        10, description="a client sending the head of a request, or completing its TLS handshake"
    )
    request_body: Seconds = Field(
        10, description="grace period for a request body before limits.min_bytes_per_second applies to it"
    )
    client_write: Seconds = Field(
        20, description="grace period for a client reading its response before limits.min_bytes_per_second applies"
    )
    idle_client: Seconds = Field(75, description="a client connection without a request is closed after this")
    node_idle: Seconds = Field(
        2.5, description="an idle connection to a node is closed after this; rippled closes it after 3 s"
    )
    reconnect: Seconds = Field(
        30, description="finding another node for a session whose node failed, if websocket.reconnect is on"
    )
    health_interval: Seconds = Field(5, description="interval between health checks of a node")
    drain_delay: SecondsOrZero = Field(
        0, description="on SIGTERM, time between reporting not ready and closing the ports, for load balancers to react"
    )
    shutdown: Seconds = Field(10, description="on SIGTERM, time for requests and sessions in progress to end")


class LimitSettings(Section):
    """Sizes, rates and counts, of clients over HTTP and of nodes."""

    request_bytes: Bytes = Field(1_000_000, description="largest HTTP request body; rippled has the same limit")
    depth: Depth = Field(25, description="levels of nested arrays and objects in a request; rippled has the same limit")
    request_elements: Count = Field(
        65_536,
        description="elements of one request, where a member of an object counts 4 and an array or object 8",
    )
    batch_items: Count = Field(100, description="requests in one batch")
    answer_bytes: Bytes = Field(67_108_864, description="largest response accepted from a node")
    node_connections: Count = Field(
        100, description="HTTP connections to one node, shared fairly between client addresses"
    )
    max_subrequests: Count = Field(500, description="node requests made for one client request")
    max_subrequest_bytes: Bytes = Field(33_554_432, description="bytes of node responses read for one client request")
    remembered_ledgers: Count = Field(2_000, description="headers of validated ledgers cached, about 1 kB each")
    in_flight: Count = Field(1000, description="concurrent HTTP requests; more are refused as tooBusy")
    in_flight_per_address: Count = Field(100, description="concurrent HTTP requests from one address")
    requests_per_second: CountOrUnlimited = Field(
        100, description="requests per second from one address; 0 for no limit"
    )
    global_requests_per_second: CountOrUnlimited = Field(0, description="requests per second in total; 0 for no limit")
    burst_seconds: Count = Field(5, description="seconds' worth of requests that may arrive in one burst")
    connections: Count = Field(10_000, description="client connections at one listener")
    connections_per_address: CountOrUnlimited = Field(
        200, description="client connections from one address at one listener; 0 for no limit"
    )
    min_bytes_per_second: Bytes = Field(
        500, description="slowest rate at which a client may send a body or read a response, bytes per second"
    )
    total_request_bytes: Bytes = Field(
        268_435_456,
        description="bytes of all requests in progress; above it the clients that hold the most are refused",
    )
    unsent_bytes: Bytes = Field(
        268_435_456, description="bytes queued for all slow clients together; above it the slowest are disconnected"
    )
    exempt: Annotated[tuple[Network, ...], AllowedText("a list of IP networks, such as [10.0.0.0/8, fd00::/8]")] = (
        Field((), description="client networks to which the limits per address do not apply")
    )
