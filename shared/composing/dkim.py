"""DKIM signatures (RFC 6376, RFC 8463), relaxed in headers and body. Pure: the same message gives the same octets.

Both algorithms are deterministic, and the time in a signature is that of the task's start: a retry repeats it octet for
octet. What all messages of a task share is put into canonical form once; per message remain the fields that differ,
the body's hash and the key's own operation.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key

from shared.composing.mail_headers import FOLD
from shared.domain.sending_domain import Algorithm

#: Signed once more than they occur: nobody can put another one before ours.
OVERSIGNED: Final = (b"From", b"Subject")

#: How a signed message begins; one that fill made never does.
SIGNATURE: Final = b"DKIM-Signature:"

_FIELD_END: Final = re.compile(rb"\r\n(?![ \t])")
_GAP: Final = re.compile(rb"  +")
_LONGEST_LINE: Final = 76
_PADDING: Final = PKCS1v15()
_HASH: Final = SHA256()


@dataclass(frozen=True, slots=True)
class DkimKey:
    """A key that is ready to sign, and where DNS shows its public half."""

    domain: str
    selector: str
    algorithm: Algorithm
    private: RSAPrivateKey | Ed25519PrivateKey


def load_key(algorithm: Algorithm, private: bytes) -> RSAPrivateKey | Ed25519PrivateKey:
    """``private``: of RSA the DER of PKCS #8, of Ed25519 its 32 octets. It is one that we made: it is not examined."""
    if algorithm == "ed25519-sha256":
        return Ed25519PrivateKey.from_private_bytes(private)
    return cast(RSAPrivateKey, load_der_private_key(private, None, unsafe_skip_rsa_key_validation=True))


class MessageSigner:
    """Signs the messages of one task, on any thread.

    Args:
        keys: at least one; each makes a signature of its own.
        sample: any message of the task. The others have the same header fields in the same order; where a field is the
            same, too, its canonical form is known from here.
        time: unix seconds, the same at each attempt.
    """

    def __init__(self, keys: Sequence[DkimKey], sample: bytes, time: float) -> None:
        fields = _FIELD_END.split(sample.partition(b"\r\n\r\n")[0])
        names = [field.partition(b":")[0] for field in fields]
        self._canonical = {field: canonical_field(field) for field in fields}
        self._forms = [_Form(key, [*names, *OVERSIGNED], int(time)) for key in keys]

    def sign(self, content: bytes) -> bytes:
        """``content`` as ``fill`` makes it, with its signatures before it."""
        header, _, body = content.partition(b"\r\n\r\n")
        known = self._canonical
        fields = b"".join([known.get(field) or canonical_field(field) for field in _FIELD_END.split(header)])
        body_hash = b64encode(sha256(canonical_body(body)).digest())
        return b"".join([*[form.field(fields, body_hash) for form in self._forms], content])


def canonical_field(field: bytes) -> bytes:
    """RFC 6376 3.4.2, for fields without other controls than those of folding."""
    name, _, value = field.partition(b":")
    return name.rstrip().lower() + b":" + b" ".join(value.split()) + b"\r\n"


def canonical_body(body: bytes) -> bytes:
    """RFC 6376 3.4.4, for lines that end in CRLF. Looks first: what our own encoder makes is mostly canonical."""
    if b"\t" in body:
        body = body.replace(b"\t", b" ")
    body = _GAP.sub(b" ", body)
    if b" \r\n" in body:
        body = body.replace(b" \r\n", b"\r\n")
    if body.endswith(b"\r\n\r\n") or body == b"\r\n":
        body = body.rstrip(b"\r\n")
        return body + b"\r\n" if body else b""
    return body


class _Form:
    """The field of one key, but for the two values that each message has of its own."""

    def __init__(self, key: DkimKey, names: Sequence[bytes], time: int) -> None:
        self._private = key.private
        start = f"a={key.algorithm}; c=relaxed/relaxed; d={key.domain};\r\n s={key.selector}; t={time};\r\n h="
        self._start = SIGNATURE + b" v=1; " + start.encode("ascii") + _name_list(names) + b";\r\n bh="
        self._canonical_start = canonical_field(self._start).removesuffix(b"\r\n")

    def field(self, fields: bytes, body_hash: bytes) -> bytes:
        signed = b"".join((fields, self._canonical_start, body_hash, b"; b="))
        if isinstance(self._private, RSAPrivateKey):
            signature = self._private.sign(signed, _PADDING, _HASH)
        else:
            signature = self._private.sign(sha256(signed).digest())  # RFC 8463 3: the hash is what is signed
        return b"".join((self._start, body_hash, b";\r\n b=", _folded(b64encode(signature)), b"\r\n"))


def _name_list(names: Sequence[bytes]) -> bytes:
    lines = [names[0]]
    for name in names[1:]:
        if len(lines[-1]) + len(name) + 4 > _LONGEST_LINE:
            lines[-1] += b":"
            lines.append(name)
        else:
            lines[-1] += b":" + name
    return FOLD.join(lines)


def _folded(text: bytes) -> bytes:
    width = _LONGEST_LINE - 4
    return FOLD.join([text[start : start + width] for start in range(0, len(text), width)])
