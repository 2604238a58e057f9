"""The commands of the command line, one module each: serving, configuration, an API client, and adapter checks."""

from proxy.commands.call import call
from proxy.commands.check_config import check_config
from proxy.commands.clients import clients
from proxy.commands.config import config
from proxy.commands.demo import demo
from proxy.commands.explain import changes, explain
from proxy.commands.serve import serve
from proxy.commands.spec import spec
from proxy.commands.translate import translate
from proxy.commands.verify import verify
from proxy.commands.watch import watch

COMMANDS = (call, changes, check_config, clients, config, demo, explain, serve, spec, translate, verify, watch)
"""Every command of the command line."""
