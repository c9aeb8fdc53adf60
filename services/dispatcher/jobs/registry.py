"""The work of each type of job, by its name."""

from collections.abc import Mapping
from typing import Final

from services.dispatcher.jobs.types.import_list import work_import
from services.dispatcher.jobs.types.update import work_update
from services.dispatcher.jobs.work import Work
from shared.domain.job import Kind

WORK: Final[Mapping[Kind, Work]] = {"import": work_import, "update": work_update}
