"""The types of jobs, by the name that a POST gives. What each does is services/dispatcher/jobs/registry.py."""

from collections.abc import Mapping
from typing import Final

from services.api.resources.job.job_type import JobType
from services.api.resources.job.types import import_list, update

TYPES: Final[Mapping[str, JobType]] = {each.kind: each for each in (import_list.TYPE, update.TYPE)}

#: What an existing client sends for it.
ALIASES: Final[Mapping[str, str]] = {"snaphot": "snapshot"}
