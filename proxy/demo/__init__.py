"""Demo nodes: they replay recordings of real servers; the Clio's are from its source and tests."""

from proxy.demo.clio import DemoClio
from proxy.demo.node import DemoNode
from proxy.demo.recorded import API_VERSIONS

__all__ = ["API_VERSIONS", "DemoClio", "DemoNode"]
