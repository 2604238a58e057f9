"""The API as pydantic models: requests, results and errors of every method, transactions, entries, stream messages.

Here is what all versions have in common; what a step changed is in the `models` of its folder. `versions` finds them.
Nothing on the way of a request imports them.
"""
