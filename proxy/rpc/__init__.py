"""The path of a request: gateway, dispatch, cache, shadow."""
