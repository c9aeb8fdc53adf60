"""A keyed hash of an address: it knows the address again and tells it to nobody. Pure.

Keyed by a secret of this installation, so that nobody who sees the hash can try out addresses; and of one account, so
that two accounts who suppress the same person cannot find that out. An email is compared in lower case with its domain
in ASCII (IDNA), a telephone number by its digits after the plus.
"""

import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

from shared.domain.identifiers import Channel

HASH_SIZE: Final = 16

_NO_DIGIT: Final = re.compile(r"[^0-9+]+")


class AddressHashes:
    """Hashes under the first secret, and finds what was hashed under any of them.

    Args:
        secrets: newest first, at least one, none empty; ValueError otherwise. One that is dropped takes with it what
            was hashed under it and whose address is erased.
    """

    def __init__(self, secrets: Sequence[bytes]) -> None:
        if not secrets or not all(secrets):
            raise ValueError("addresses need at least one secret, and none may be empty")
        # Hash states that are only ever copied.
        self._states = [
            blake2b(key=blake2b(secret, digest_size=64, person=b"address hash").digest(), digest_size=HASH_SIZE)
            for secret in secrets
        ]

    def of(self, account_id: int, channel: Channel, address: str) -> bytes:
        return self.all(account_id, channel, address)[0]

    def all(self, account_id: int, channel: Channel, address: str) -> list[bytes]:
        """Under each of the secrets, newest first."""
        hashed = b"%d\x00%b\x00%b" % (
            account_id,
            channel.encode(),
            normal_address(channel, address).encode("utf-8", "replace"),
        )
        digests = []
        for state in self._states:
            hasher = state.copy()
            hasher.update(hashed)
            digests.append(hasher.digest())
        return digests


def normal_address(channel: Channel, address: str) -> str:
    """The same for all spellings of one address. Never fails: what is no address is compared as it is."""
    if channel == "sms":
        return _NO_DIGIT.sub("", address)
    local, at, domain = address.strip().rpartition("@")
    try:
        in_ascii = domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        in_ascii = domain
    return (local + at + in_ascii).lower()
