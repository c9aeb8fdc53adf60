"""Where files are kept, as the setting says it."""

import pytest

from shared.object_store.opening import Bucket, open_object_store, read_bucket


@pytest.mark.parametrize(
    ("url", "bucket"),
    [
        (
            "s3+https://KEY:SE%2FCRET@s3.example.net/exports",
            Bucket("https://s3.example.net", "exports", "", "us-east-1", "KEY", "SE/CRET"),
        ),
        (
            "s3+http://127.0.0.1:9000/exports/of/us/?region=eu-west-1",
            Bucket("http://127.0.0.1:9000", "exports", "of/us/", "eu-west-1", None, None),
        ),
        ("s3+http://[::1]:9000/b", Bucket("http://[::1]:9000", "b", "", "us-east-1", None, None)),
    ],
)
def test_a_bucket_is_read_from_its_url(url: str, bucket: Bucket) -> None:
    assert read_bucket(url) == bucket


@pytest.mark.parametrize(
    "url",
    [
        "",
        "file:",
        "file:relative",
        "file://elsewhere/folder",
        "s3://bucket",
        "https://KEY:hidden@host/bucket",
        "s3+https://KEY:hidden@host",
        "s3+https:///bucket",
        "s3+https://KEY@host/bucket",
        "s3+https://KEY:hidden@host/bucket?regoin=x",
        "s3+https://KEY:hidden@host:70000/bucket",
    ],
    ids=str,
)
def test_another_url_is_refused_without_its_secret(url: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as raised:
        open_object_store(url)

    assert "hidden" not in str(raised.value)
