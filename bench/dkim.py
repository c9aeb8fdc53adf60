"""What signing costs: a message on one core beside the key's operation alone, a whole task beside other senders.

The rates on one core, on their own: `.venv/bin/python -m bench.dkim`.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bench.api_client import ApiClient, open_session
from bench.end_to_end import FRAME_BYTES, LINKS, send_task
from bench.mail_sink import MESSAGE_BYTES, SESSIONS, send_by_source, sink, unpack_postfix
from bench.measured import Line, Used, as_text
from bench.peers.rates import Dkim, nodemailer_rate
from bench.processes import watched
from bench.stack import Servers, services
from shared.composing.dkim import DkimKey, MessageSigner
from shared.composing.fill_message import RecipientData, fill
from shared.composing.prepare_message import SendContext, prepare
from shared.domain.email_content import EmailContent
from shared.domain.sending_domain import Algorithm
from shared.domain.tokens import TokenKeys
from shared.postgres.database import Database
from tests.signing_domain import BOTH, PUBLISHED
from tests.verify_dkim import verdicts

HEADER_BYTES = 1_000  #: about what of a message's header goes into a signature
MESSAGES = 100  #: different ones, signed in turn


@dataclass(frozen=True, slots=True)
class Variant:
    """A domain to send from. ``without``: the algorithm whose key is taken from it."""

    signed_by: str
    domain: str
    algorithm: Algorithm
    without: Algorithm | None = None


VARIANTS = (
    Variant("rsa-sha256", "rsa.example.com", "rsa-sha256"),
    Variant("rsa-sha256 and ed25519-sha256", "both.example.com", "ed25519-sha256"),
    Variant("ed25519-sha256 alone", "ed25519.example.com", "ed25519-sha256", without="rsa-sha256"),
)


def measure_signing(seconds: float, runs: int) -> list[Line]:
    """Turn by turn, in seconds of CPU: what else the machine does hardly shows. A signature is verified first."""
    messages = make_messages()
    lines = []
    for keys in ([BOTH[0]], [BOTH[1]], BOTH):
        name = " and ".join(key.algorithm for key in keys)
        signer = MessageSigner(keys, messages[0], 0.0)
        if verdicts(signer.sign(messages[1]), PUBLISHED) != [True] * len(keys):
            raise RuntimeError(f"what was signed by {name} does not verify")
        rates, bare_rates = [], []
        for _ in range(runs):
            bare_rates.append(_rate(partial(_sign_bare, keys), messages, seconds))
            rates.append(_rate(signer.sign, messages, seconds))
        what = f"DKIM of a {len(messages[0]):,}-byte message by {name}, one core"
        lines.append(Line(what, "msgs/s", rates, "the keys' operations of `cryptography` alone", bare_rates))
    return lines


def make_messages() -> list[bytes]:
    """As a task makes them: two parts, personal, with links of their own."""
    prose = "All work and no play makes a dull day. " * ((MESSAGE_BYTES - FRAME_BYTES) // 39)
    content = EmailContent(
        subject="Hello {{ vars.name }}",
        from_name="Bench",
        from_email="bench@sender.example",
        reply_to=None,
        html=f"<p>Hello {{{{ vars.name }}}}, <a href='https://example.com/'>see</a></p><p>{prose}</p>",
        text="Hello {{ vars.name }}, see https://example.com/",
        track_opens=True,
        track_clicks=True,
        marketing=True,
    )
    context = SendContext(
        task_id=1,
        account_id=1,
        tracker_url="https://t.example.com",
        message_id_domain="sender.example",
        bounce_domain="bounce.example.com",
        date=0.0,
        list_name="",
        links={"https://example.com/": 1},
    )
    prepared, tokens = prepare(content, context), TokenKeys([bytes(32)])
    people = [RecipientData(f"reader-{n}@example.com", None, {"name": f"Reader {n}"}) for n in range(MESSAGES)]
    return [fill(prepared, ordinal, person, tokens) for ordinal, person in enumerate(people)]


def _sign_bare(keys: Sequence[DkimKey], _: bytes) -> None:
    for key in keys:
        if isinstance(key.private, RSAPrivateKey):
            key.private.sign(_HEADER, _PADDING, _HASH)
        else:
            key.private.sign(_DIGEST)


_HEADER = b"x" * HEADER_BYTES
_DIGEST = sha256(_HEADER).digest()
_PADDING, _HASH = PKCS1v15(), SHA256()


def _rate(sign: Callable[[bytes], object], messages: Sequence[bytes], seconds: float) -> float:
    """Messages for each second of CPU."""
    began, count = time.process_time(), 0
    while (used := time.process_time() - began) < seconds:
        for message in messages:
            sign(message)
        count += len(messages)
    return count / used


async def measure(servers: Servers, folder: Path, recipients: int, runs: int, seconds: int) -> list[Line]:
    """Signed tasks and their yardsticks take turns, two dispatchers at work."""
    postfix = unpack_postfix()
    rates: dict[Variant, list[float]] = {variant: [] for variant in VARIANTS}
    others: dict[str, list[float]] = {_SOURCE: [], _OPENSSL: [], _NODEMAILER: []}
    used: dict[Variant, list[Used]] = {}
    with sink(postfix, folder) as target, services(servers, target.port, folder, dispatchers=DISPATCHERS) as stack:
        async with open_session(stack) as session:
            client = ApiClient(session)
            list_id = await client.make_list("reader", recipients)
            messages = {variant: await _make_message(client, servers, variant) for variant in VARIANTS}
            for _ in range(runs):
                others[_SOURCE].append(send_by_source(postfix, target.port, recipients))
                others[_OPENSSL].append(rsa_operations(seconds))
                others[_NODEMAILER].append(nodemailer_rate(target, PEER_MAILS, _peer_key()))
                for variant, message_id in messages.items():
                    with watched({**stack.pids, **servers.pids, "smtp-sink": target.pid}) as used[variant]:
                        rates[variant].append(await send_task(client, list_id, message_id, recipients, target))
    return [
        Line(
            f"a task of {recipients:,} signed by {variant.signed_by}, {DISPATCHERS} dispatchers",
            "msgs/s",
            rates[variant],
            yardstick,
            others[yardstick],
            note="For the measure's sake: in service RSA always signs." if variant.without else "",
            used=used[variant],
            goal=goal,
        )
        for variant, yardstick, goal in _COMPARED
    ]


DISPATCHERS = 2
PEER_MAILS = 2_000
_SOURCE = f"smtp-source -d -s {SESSIONS}, {MESSAGE_BYTES} bytes, unsigned"
_OPENSSL = "openssl speed rsa2048, a process a core"
_NODEMAILER = f"nodemailer, pool of {SESSIONS}, signing by RSA-2048"
_COMPARED: tuple[tuple[Variant, str, float | None], ...] = (
    (VARIANTS[2], _SOURCE, 0.4),
    (VARIANTS[0], _OPENSSL, 0.35),
    (VARIANTS[0], _NODEMAILER, 5.0),
    (VARIANTS[1], _SOURCE, None),
)


def rsa_operations(seconds: int) -> float:
    """Signatures a second of OpenSSL's own measure on all cores."""
    command = ["openssl", "speed", "-seconds", str(seconds), "-multi", str(os.cpu_count() or 1), "rsa2048"]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()
    return float(next(line for line in told.splitlines() if line.startswith("rsa")).split()[-2])


def _peer_key() -> Dkim:
    """The key that signs our own messages."""
    key = BOTH[0].private
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Dkim("example.com", "bench", pem)


async def _make_message(client: ApiClient, servers: Servers, variant: Variant) -> int:
    domain = await client.post("/domain", {"name": variant.domain, "dkim_algorithm": variant.algorithm})
    if variant.without:
        owner = await Database.connect(servers.database_url, role=None, connections=1)
        await owner.execute(
            "DELETE FROM dkim_key WHERE domain_id = $1 AND algorithm = $2", domain["id"], variant.without
        )
        await owner.close()
    return await client.make_message(MESSAGE_BYTES - FRAME_BYTES, f"bench@{variant.domain}", LINKS)


def main() -> None:
    for line in measure_signing(seconds=2.0, runs=3):
        sys.stdout.write(as_text(line) + "\n\n")


if __name__ == "__main__":
    main()
