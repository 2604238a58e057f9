"""JSON-RPC, batch and WebSocket envelopes: requests to calls, and results to responses; no I/O.

A *result* is what adapters see: the JSON-RPC `result`, or a WebSocket answer's, without `status`, `request`, `id` and
`type`. An error is a result that has `error`. What a node adds next to it (`warning`, `warnings`, `forwarded`) is
passed along as a separate object.
"""

from proxy.envelope.call import Batch, BatchRefusal, Call, HttpRefusal, RejectedCall, RequestPolicy, WebSocketRefusal
from proxy.envelope.jsonrpc import jsonrpc_answer, read_jsonrpc, refuse_size, splice_jsonrpc, write_batch, write_jsonrpc
from proxy.envelope.node import (
    InvalidAnswer,
    node_message,
    node_request,
    read_jsonrpc_answer,
    read_websocket_answer,
)
from proxy.envelope.websocket import read_websocket, splice_websocket, write_websocket

__all__ = [
    "Batch",
    "BatchRefusal",
    "Call",
    "HttpRefusal",
    "InvalidAnswer",
    "RejectedCall",
    "RequestPolicy",
    "WebSocketRefusal",
    "jsonrpc_answer",
    "node_message",
    "node_request",
    "read_jsonrpc",
    "read_jsonrpc_answer",
    "read_websocket",
    "read_websocket_answer",
    "refuse_size",
    "splice_jsonrpc",
    "splice_websocket",
    "write_batch",
    "write_jsonrpc",
    "write_websocket",
]
