"""The gRPC API, passed through as bytes: which packages are served, who may say who asks, and how long it may take.

Nothing of it is imported unless the configuration names a gRPC port: it needs the optional `grpc` packages.
"""
