"""The one place that picks an adapter."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from shared.object_store.interface import ObjectStore
from shared.runtime.setting_list import PREFIX
from shared.runtime.settings import BadSettings, Settings

_S3: Final = {"s3+https": "https", "s3+http": "http"}


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where files are on an S3-compatible store. ``prefix``: of their names, empty or with a slash at its end.

    ``key_id`` and ``secret`` None: as the machine says (the environment, a role of the pod).
    """

    endpoint: str
    name: str
    prefix: str
    region: str
    key_id: str | None
    secret: str | None


def open_objects(settings: Settings) -> ObjectStore:
    """Where the settings say. Raises BadSettings."""
    try:
        return open_object_store(settings.object_store_url)
    except ValueError as error:
        raise BadSettings([f"{PREFIX}OBJECT_STORE_URL: {error}"]) from error


def open_object_store(url: str) -> ObjectStore:
    """`file:///folder`, or `s3+https://KEY:SECRET@host:port/bucket/prefix?region=R`. Connects when first used.

    Raises ValueError, which does not repeat the URL: it may hold a secret.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path.startswith("/"):
        from shared.object_store.in_folder import InFolder

        return InFolder(Path(unquote(parts.path)))
    if parts.scheme in _S3:
        # Imported here, as the library costs a start that has no use for it.
        from shared.object_store.on_s3 import OnS3

        return OnS3(read_bucket(url))
    raise ValueError("file:///folder or s3+https://KEY:SECRET@host/bucket")


def read_bucket(url: str) -> Bucket:
    """Raises ValueError, as above."""
    parts, options = urlsplit(url), parse_qs(urlsplit(url).query)
    name, _, prefix = unquote(parts.path).strip("/").partition("/")
    if not parts.hostname or not name or parts.port == 0 or options.keys() - {"region"}:
        raise ValueError("s3+https://KEY:SECRET@host:port/bucket/prefix?region=R")
    if (parts.username is None) != (parts.password is None):
        raise ValueError("a key without its secret")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Bucket(
        endpoint=f"{_S3[parts.scheme]}://{host}" + (f":{parts.port}" if parts.port else ""),
        name=name,
        prefix=f"{prefix}/" if prefix else "",
        region=options.get("region", ["us-east-1"])[-1],
        key_id=unquote(parts.username) if parts.username else None,
        secret=unquote(parts.password) if parts.password else None,
    )
