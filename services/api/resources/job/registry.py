"""The types of jobs, by the name that a POST gives. What each does is services/dispatcher/jobs/registry.py."""

from collections.abc import Mapping
from typing import Final

from services.api.resources.job.job_type import JobType
from services.api.resources.job.types import (
    ad_inventory,
    blast,
    export_list,
    export_tasks,
    import_list,
    snapshot,
    update,
)

TYPES: Final[Mapping[str, JobType]] = {
    each.kind: each
    for each in (
        ad_inventory.TYPE,
        blast.QUERY,
        blast.SAVE_LIST,
        blast.SNAPSHOT,
        export_list.TYPE,
        export_tasks.TYPE,
        import_list.TYPE,
        snapshot.TYPE,
        update.TYPE,
    )
}

#: What an existing client sends for it.
ALIASES: Final[Mapping[str, str]] = {"snaphot": "snapshot"}
