"""The types of jobs, by the name that a POST gives. What each does is services/dispatcher/jobs/registry.py."""

from collections.abc import Mapping
from typing import Final

from services.api.resources.job.job_type import JobType

TYPES: Final[Mapping[str, JobType]] = {}

#: What an existing client sends for it.
ALIASES: Final[Mapping[str, str]] = {"snaphot": "snapshot"}
