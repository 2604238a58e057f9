"""The commands beside serving: a client, and the adapters asked by hand. One module for each."""

from proxy.commands.call import call
from proxy.commands.watch import watch

COMMANDS = (call, watch)
"""What the command line is given."""
