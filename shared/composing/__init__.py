"""Turns a message and a recipient into what goes over the wire: compiled once per task, filled per recipient. Pure."""
