"""The proxy, except that it kills a worker that hangs after 2 seconds instead of 30."""

from proxy.cli import main
from proxy.server import supervisor, worker

# Each worker process imports this module as well, before it starts.
worker.ALIVE_EVERY = supervisor.CHECK_EVERY = 0.2
supervisor.HUNG_AFTER = 2.0

if __name__ == "__main__":
    main(prog_name="xrpl-version-proxy")
