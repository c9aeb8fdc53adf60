"""``export_scheduled_sends``: the tasks that have not started."""

from services.api.operation import ADMINS
from services.api.resources.job.given import Given
from services.api.resources.job.job_type import JobType, Order


def _read(_: Given) -> Order:
    return Order(name="Export Scheduled Sends")


TYPE = JobType("export_scheduled_sends", _read, ADMINS)
