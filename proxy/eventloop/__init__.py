"""Small asyncio helpers for performance."""
