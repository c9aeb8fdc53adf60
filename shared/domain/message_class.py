"""What kind of message one is, in the words of the opt-outs."""

from typing import Literal

MessageClass = Literal["marketing", "service"]
