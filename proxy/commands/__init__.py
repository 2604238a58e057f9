"""The commands, one module each: serving, configuration, an API client, and checks of the adapters."""

COMMANDS = {
    "call": "call:call",
    "changes": "explain:changes",
    "check-config": "check_config:check_config",
    "clients": "clients:clients",
    "completion": "completion:completion",
    "config": "config:config",
    "demo": "demo:demo",
    "explain": "explain:explain",
    "scaffold": "scaffold:scaffold",
    "serve": "serve:serve",
    "spec": "spec:spec",
    "translate": "translate:translate",
    "verify": "verify:verify",
    "watch": "watch:watch",
}
"""Each command of the command line: its module in this package, and its name there."""
