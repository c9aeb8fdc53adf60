"""Servers that take what is sent to them, keep a ledger of it, and misbehave on request."""
