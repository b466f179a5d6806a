"""Reports under /v1/reports: attainment, the same figures as `commsd sla report`."""

from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from commsd.crm.fault import Invalid
from commsd.crm.keys import Caller
from commsd.crm.request import Api, Operation, Query, json
from commsd.sla.report.counting import Counting, counted, levels
from commsd.sla.report.record import as_record, levels_record
from commsd.sla.report.report import BY, USUAL, Window

LONGEST = timedelta(days=400)
"""More is asked of the command, which has no one waiting at a socket."""

ATTAINMENT = {
    "from": "clocks that began then or later; usually 28 days before `to`",
    "to": "and before then; usually now",
    "by": f"one grouping: {', '.join(BY)}; usually all",
}


async def attainment(api: Api, request: Request, caller: Caller) -> Response:
    """Attainment of the clocks that began in a window, as they stand now."""
    query = Query.of(request, ATTAINMENT)
    now = api.world.now()
    until = query.instant("to") or now
    since = query.instant("from") or until - USUAL
    by = query.choice("by", BY)
    if not timedelta() < until - since <= LONGEST:
        raise Invalid(
            "the window has no clocks in it" if since >= until else "the window is longer than 400 days",
            remedy="let `from` lie before `to`, by at most 400 days; `commsd sla report` takes more",
        )
    window = Window(since=since, until=until, now=now)
    report = await counted(api.log, Counting(window, api.terms().versions, ZoneInfo("UTC")))
    answered = await api.log.read(lambda connection: levels(connection, api.goals, window))
    return json({**as_record(report, by), "answer_level": levels_record(answered)})


OPERATIONS: Sequence[Operation] = (
    Operation(
        method="GET",
        path="/v1/reports/attainment",
        scope="events:read",
        does="How many clocks were in time, how long it took, what is left of the objectives; the lines' answer level",
        handler=attainment,
        query=ATTAINMENT,
    ),
)
