"""The settings that bound everything: how long is waited, and how much is taken."""

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated

from pydantic import Field

from proxy.config.section import Section
from proxy.config.types import AllowedText, Bytes, Count, CountOrUnlimited, Depth, Network, Seconds, SecondsOrZero


class TimeoutSettings(Section):
    """How long is waited, in seconds."""

    request: Seconds = Field(30, description="whole time that one client's request may take")
    connect: Seconds = Field(3, description="to make a connection to a node")
    node_answer: Seconds = Field(20, description="for a node to answer one question wholly")
    request_head: Seconds = Field(10, description="for a client to send the head of a request, or its TLS handshake")
    request_body: Seconds = Field(
        10, description="for a body to arrive, before limits.min_bytes_per_second is asked of it"
    )
    client_write: Seconds = Field(
        20, description="for a client to take its answer, before limits.min_bytes_per_second is asked of it"
    )
    idle_client: Seconds = Field(75, description="a client's HTTP connection without a request is closed after this")
    node_idle: Seconds = Field(
        2.5, description="an idle connection to a node is given up after this; rippled itself closes after 3"
    )
    reconnect: Seconds = Field(
        30, description="to find a node again for a session that lost its own, where websocket.reconnect is on"
    )
    health_interval: Seconds = Field(5, description="between two looks at a node's health")
    drain_delay: SecondsOrZero = Field(
        0, description="between not being ready and letting in nobody else, when told to stop: a load balancer's time"
    )
    shutdown: Seconds = Field(10, description="for requests and sessions under way to end, when told to stop")


class LimitSettings(Section):
    """How much is taken, over HTTP and from nodes."""

    request_bytes: Bytes = Field(1_000_000, description="bytes of one HTTP request's body; rippled takes as many")
    depth: Depth = Field(25, description="levels of arrays and objects nested in a request; rippled takes as many")
    request_elements: Count = Field(
        65_536,
        description="elements of one request, of which a member of an object counts 4 and an array or object 8",
    )
    batch_items: Count = Field(100, description="requests in one batch")
    answer_bytes: Bytes = Field(67_108_864, description="bytes of one answer taken from a node")
    node_connections: Count = Field(
        100, description="HTTP connections to one node, shared fairly between client addresses"
    )
    max_subrequests: Count = Field(500, description="questions asked of a node to answer one request")
    max_subrequest_bytes: Bytes = Field(
        33_554_432, description="bytes of answers taken from a node to answer one request"
    )
    remembered_ledgers: Count = Field(
        10_000, description="headers of validated ledgers kept in memory, about 1 kB each, to not ask for them again"
    )
    in_flight: Count = Field(1000, description="HTTP requests under way at once; more are refused as too busy")
    in_flight_per_address: Count = Field(100, description="HTTP requests under way at once from one address")
    requests_per_second: CountOrUnlimited = Field(100, description="requests a second from one address; 0 for no limit")
    global_requests_per_second: CountOrUnlimited = Field(0, description="requests a second from all; 0 for no limit")
    burst_seconds: Count = Field(
        5, description="seconds' worth of requests that may come at once after a time of silence"
    )
    connections: Count = Field(10_000, description="connections of clients at once, at one listener")
    connections_per_address: CountOrUnlimited = Field(
        200, description="connections at once from one address, at one listener; 0 for no limit"
    )
    min_bytes_per_second: Bytes = Field(
        500, description="bytes a second that a body must come with, and an answer be taken with, from slow clients"
    )
    unsent_bytes: Bytes = Field(
        268_435_456, description="bytes waiting for all slow clients together; beyond it, the slowest are disconnected"
    )
    exempt: Annotated[tuple[Network, ...], AllowedText("a list of IP networks, such as [10.0.0.0/8, fd00::/8]")] = (
        Field(
            (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128")),
            description="networks of clients that the limits per address do not hold for",
        )
    )
