"""A node to try the proxy with: it answers from recordings of a real rippled, at one API version only."""

from proxy.demo.node import DemoNode

__all__ = ["DemoNode"]
