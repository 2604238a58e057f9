"""Nodes to try the proxy with: they replay recordings of real servers; the Clio answers as its source says."""

from proxy.demo.clio import DemoClio
from proxy.demo.node import DemoNode

__all__ = ["DemoClio", "DemoNode"]
