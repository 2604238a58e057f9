"""What the proxy is compared with: as short as each can be written, with the rewriting of the measured cases only."""
