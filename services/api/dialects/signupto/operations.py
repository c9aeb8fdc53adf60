"""All that is answered below ``/v1``."""

from services.api.dialects.signupto.endpoints import task, token

OPERATIONS = (
    *task.OPERATIONS,
    *token.OPERATIONS,
)
