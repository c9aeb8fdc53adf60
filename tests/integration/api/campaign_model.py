"""What a campaign does at each wish, told as plainly as the contract tells it: to be compared with the service."""

from dataclasses import dataclass, field

EDGES = {("DRAFT", "SCHEDULED"), ("SCHEDULED", "DRAFT"), ("SCHEDULED", "READY"), ("READY", "SCHEDULED")}


@dataclass
class Model:
    """Each wish answers the status. ``when`` is past, late, or None; ``domain`` takes bounces, is deaf, or None."""

    state: str = "DRAFT"
    name: str = "first"
    when: str | None = None
    domain: str | None = None
    callback: bool = False
    payloads: set[str] = field(default_factory=set)
    tasks: int = 0
    held_back: bool = False
    has_error: bool = False
    outcome: str | None = None  #: of its tasks, once they have ended

    @property
    def editable(self) -> bool:
        return self.state in ("DRAFT", "SCHEDULED", "READY")

    @property
    def complete(self) -> bool:
        return bool(self.payloads) and self.domain == "bouncing" and self.when is not None

    def move(self, target: str) -> int:
        if target == self.state:
            return 200
        lacks = (target == "READY" and not self.complete) or (target == "SCHEDULED" and self.when is None)
        if (self.state, target) not in EDGES or lacks:
            return 409
        self.held_back = (self.state, target) == ("READY", "SCHEDULED")
        self.state, self.has_error = target, False
        return 200

    def rename(self, name: str) -> int:
        if name != self.name and not self.editable:
            return 409
        self.name = name
        return 200

    def set_when(self, when: str | None) -> int:
        if when is None and self.state != "DRAFT":
            return 400
        if when == self.when:
            return 200
        if not self.editable:
            return 409
        self.when, self.held_back, self.has_error = when, False, False
        return 200

    def set_domain(self, domain: str | None) -> int:
        if domain == self.domain:
            return 200
        if not self.editable or (self.state == "READY" and domain != "bouncing"):
            return 409
        self.domain = domain
        return 200

    def add_payload(self, channel: str) -> int:
        if not self.editable or channel in self.payloads:
            return 409
        self.payloads.add(channel)
        return 201

    def remove_payload(self, channel: str) -> int:
        if channel not in self.payloads:
            return 404
        if not self.editable or (self.state == "READY" and len(self.payloads) == 1):
            return 409
        self.payloads.remove(channel)
        return 200

    def remove(self) -> int:
        return 200 if self.editable else 409

    def time_passes(self) -> None:
        """The service looks at it."""
        if self.state == "SCHEDULED" and self.when == "past" and not self.held_back:
            self.has_error = not self.complete
            self.state = "READY" if self.complete else "SCHEDULED"
        if self.state == "READY" and self.when == "past":
            self.state, self.tasks = "SENDING", len(self.payloads)
        if self.state == "SENDING" and self.outcome is not None:
            self.state, self.has_error = self.outcome, self.outcome == "ERROR"

    def tasks_end(self, outcome: str) -> bool:
        """Whether there were any under way."""
        if self.state != "SENDING" or self.outcome is not None:
            return False
        self.outcome = outcome
        return True
