"""Domains, as requests and answers spell them."""

from typing import Literal

from typing_extensions import TypedDict

from services.api.fields import DomainName, Flag, RequestModel
from shared.domain.sending_domain import Algorithm


class NewDomain(RequestModel):
    """``bouncing``: bounces of its mail come to it."""

    name: DomainName
    bouncing: Flag = False
    dkim_algorithm: Algorithm = "rsa-sha256"


class DomainChange(RequestModel):
    """What is given changes; the name stays."""

    name: DomainName | None = None
    bouncing: Flag | None = None
    dkim_algorithm: Algorithm | None = None


class RecordAnswer(TypedDict):
    """``value``: of a TXT the whole text, however many strings it takes; of an MX its preference and host."""

    type: Literal["TXT", "MX"]
    name: str
    value: str


class DomainAnswer(TypedDict):
    """``dkim_algorithm``: ed25519-sha256 signs beside rsa-sha256, which always does; selector and key are those of RSA.

    ``verified``: it may be sent from. ``missing``: what of ``dns`` was not there at the last look. ``zone``: ``dns`` as
    lines of a zone file.
    """

    id: int
    name: str
    bouncing: bool
    dkim_selector: str
    dkim_algorithm: Algorithm
    dkim_public_key: str
    dns: list[RecordAnswer]
    zone: str
    verified: bool
    missing: list[RecordAnswer]
    cdate: float
