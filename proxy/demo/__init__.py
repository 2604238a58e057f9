"""Nodes to try the proxy with: they replay recordings of real servers; the Clio answers as its source says."""

from proxy.demo.clio import DemoClio
from proxy.demo.node import DemoNode
from proxy.demo.recorded import API_VERSIONS

__all__ = ["API_VERSIONS", "DemoClio", "DemoNode"]
