"""The message bus: hints to our own services and events for everybody else. Opened by shared/bus/opening.py."""
