"""docs/asyncapi.yaml is AsyncAPI 3, by the schema that its makers publish."""

from pathlib import Path

import orjson
import yaml
from jsonschema.validators import validator_for

from tests.servers.node import installed

ROOT = Path(__file__).resolve().parents[2]


def test_the_description_of_the_bus_is_asyncapi() -> None:
    """With all that it says of AMQP; and something that is not AsyncAPI would be seen."""
    package = installed(ROOT / "tests/clients/asyncapi_specs") / "node_modules/@asyncapi/specs"
    schema = orjson.loads((package / "schemas/3.0.0.json").read_bytes())
    described = yaml.safe_load((ROOT / "docs/asyncapi.yaml").read_text(encoding="utf-8"))
    validator = validator_for(schema)(schema)

    assert [f"{list(fault.path)}: {fault.message}"[:300] for fault in validator.iter_errors(described)] == []
    described["operations"]["send.task.created"]["action"] = "shout"
    assert not validator.is_valid(described)
