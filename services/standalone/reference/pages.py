"""Which pages are written from the code, and by what."""

from collections.abc import Callable, Mapping
from typing import Final

from services.standalone import list_settings
from services.standalone.reference.audit_page import audit_page
from services.standalone.reference.errors_page import errors_page
from services.standalone.reference.events_page import events_page
from services.standalone.reference.metrics_page import metrics_page

PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "settings.md": list_settings.as_markdown,
    "metrics.md": metrics_page,
    "events.md": events_page,
    "errors.md": errors_page,
    "audit.md": audit_page,
}
