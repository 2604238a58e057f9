"""Builds the API reference of the documentation site; `make api-reference`."""
