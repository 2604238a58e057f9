"""Subscription streams pushed to WebSocket sessions."""
