"""Receipts that come back over a connection of ours: found by the name of their message, and stored as hits."""
