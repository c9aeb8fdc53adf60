"""`postroom up` told of a collector: what OpenTelemetry gets, from the setting to the wire."""

import urllib.request

from tests.acceptance.postroom_process import up, wait_until
from tests.sinks.otlp_collector import collecting

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_spans_go_to_the_collector_of_the_setting() -> None:
    """In the trace of whoever asks; those of the last moments, too."""
    with collecting() as collector:
        with up(POSTROOM_OTLP_URL=collector.url) as running:
            headers = {
                "Authorization": f"Bearer {running.ready['api_key']}",
                "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01",
            }
            with urllib.request.urlopen(urllib.request.Request(f"{running.ready['api']}/task", headers=headers)) as got:
                assert got.status == 200
        # Sent when it ended, if not before.
        wait_until(lambda: {"http", "sql"} <= {span.name for span in collector.spans if span.trace == TRACE})

    assert {span.service for span in collector.spans} == {"postroom"}
