"""The proxy as it is, but for the time that it gives a worker that hangs: seconds in place of half a minute."""

from proxy.cli import main
from proxy.server import supervisor as workers

# Each worker imports this module as well, before it begins.
workers.ALIVE_EVERY, workers.HUNG_AFTER = 0.2, 2.0

if __name__ == "__main__":
    main(prog_name="xrpl-version-proxy")
