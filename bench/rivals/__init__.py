"""What the proxy is measured beside: as short as each can be written, with the rewriting of the measured cases only."""
