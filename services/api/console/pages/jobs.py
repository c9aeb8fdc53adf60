"""Jobs, and what became of each."""

from services.api.console.live import Figures
from services.api.console.read import newest_jobs
from services.api.console.reply import Page, Reply
from services.api.console.views.jobs import job_figures, job_list, job_page, jobs_figures
from services.api.console.visit import Visit
from services.api.problem import Problem


async def show_jobs(visit: Visit) -> Reply:
    jobs, following = await newest_jobs(visit.database, visit.caller, visit.before(), visit.asking.api.now())
    return Page("Jobs", job_list(jobs, following), "jobs", None if visit.before() else "/console/jobs/live")


async def read_list_figures(visit: Visit) -> Figures | Problem:
    jobs, _ = await newest_jobs(visit.database, visit.caller, None, visit.asking.api.now())
    return jobs_figures(jobs)


async def show_job(visit: Visit) -> Reply:
    found = await visit.get("/job", job_id=visit.name)
    if isinstance(found, Problem):
        return found
    return Page(found.body["name"], job_page(found.body), "jobs", f"/console/job/{visit.name}/live")


async def read_figures(visit: Visit) -> Figures | Problem:
    found = await visit.get("/job", job_id=visit.name)
    return found if isinstance(found, Problem) else job_figures(found.body)
