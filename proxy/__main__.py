"""`python -m proxy` is the command `xrpl-version-proxy`."""

from proxy.cli import main

if __name__ == "__main__":
    main(prog_name="xrpl-version-proxy")
