"""The commands beside serving: a client, and the adapters asked by hand or proven. One module for each."""

from proxy.commands.call import call
from proxy.commands.clients import clients
from proxy.commands.explain import changes, explain
from proxy.commands.spec import spec
from proxy.commands.translate import translate
from proxy.commands.verify import verify
from proxy.commands.watch import watch

COMMANDS = (call, changes, clients, explain, spec, translate, verify, watch)
"""What the command line is given."""
