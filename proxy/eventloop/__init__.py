"""The few asyncio helpers that speed needs."""
