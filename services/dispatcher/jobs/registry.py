"""The work of each type of job, by its name."""

from collections.abc import Mapping
from typing import Final

from services.dispatcher.jobs.types.ad_inventory import work_ad_inventory
from services.dispatcher.jobs.types.blast_query import work_blast_query
from services.dispatcher.jobs.types.blast_save_list import work_blast_save_list
from services.dispatcher.jobs.types.export_list import work_export_list
from services.dispatcher.jobs.types.export_tasks import work_export_tasks
from services.dispatcher.jobs.types.import_list import work_import
from services.dispatcher.jobs.types.snapshot import work_blast_snapshot, work_snapshot
from services.dispatcher.jobs.types.update import work_update
from services.dispatcher.jobs.work import Work
from shared.domain.job import Kind

WORK: Final[Mapping[Kind, Work]] = {
    "ad_inventory": work_ad_inventory,
    "blast_query": work_blast_query,
    "blast_save_list": work_blast_save_list,
    "blast_snapshot": work_blast_snapshot,
    "export_list_data": work_export_list,
    "export_scheduled_sends": work_export_tasks,
    "import": work_import,
    "snapshot": work_snapshot,
    "update": work_update,
}
