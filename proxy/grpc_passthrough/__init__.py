"""rippled's gRPC API, forwarded as bytes: which packages are offered, client identity, limits and deadlines.

Imported only if the configuration has a gRPC port: it needs the optional `grpc` packages.
"""
