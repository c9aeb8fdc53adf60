"""The keys of a domain: how they are made, and sealed into their rows."""

import base64
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from shared.domain.sending_domain import Algorithm, SendingDomain, selector_of
from shared.event_store.interface import Write
from shared.event_store.read_models.statements import STATEMENTS
from shared.runtime import clock
from shared.sealing import NONCE_SIZE, dkim_context, seal

RSA_BITS: Final = 2048  #: what every receiver verifies (RFC 8301 3.2), and what one record of DNS holds well
_SELECTOR_BYTES: Final = 5


@dataclass(frozen=True, slots=True)
class DrawnKey:
    public: str  #: as in the ``p=`` of its record
    private: bytes  #: as ``composing.dkim.load_key`` reads it


DrawnKeys = dict[Algorithm, DrawnKey]


def draw_keys() -> DrawnKeys:
    """Takes a tenth of a second or several: for another thread than that of the loop."""
    rsa_key, ed25519_key = rsa.generate_private_key(65537, RSA_BITS), Ed25519PrivateKey.generate()
    rsa_public = rsa_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return {
        "rsa-sha256": DrawnKey(
            base64.b64encode(rsa_public).decode(),
            rsa_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        ),
        "ed25519-sha256": DrawnKey(
            base64.b64encode(ed25519_key.public_key().public_bytes_raw()).decode(), ed25519_key.private_bytes_raw()
        ),
    }


def draw_selector() -> str:
    """One that nobody else has in the same domain."""
    return "pr" + base64.b32encode(clock.random_bytes(_SELECTOR_BYTES)).decode().lower()


def key_rows(secret: tuple[bytes, ...], domain: SendingDomain, key_ids: list[int], drawn: DrawnKeys) -> list[Write]:
    """``secret``: what the private halves are sealed under."""
    return [
        Write(
            STATEMENTS["write_dkim_key"],
            (
                key_id,
                domain.domain_id,
                algorithm,
                selector_of(domain.selector, algorithm),
                seal(secret, dkim_context(key_id), key.private, clock.random_bytes(NONCE_SIZE)),
            ),
        )
        for key_id, (algorithm, key) in zip(key_ids, drawn.items(), strict=True)
    ]
