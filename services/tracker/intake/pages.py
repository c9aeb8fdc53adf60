"""What readers see: the pixel and four small pages that need nothing from elsewhere."""

import base64
import hashlib
from typing import Final

from services.tracker.decisions.read_wish import FIELD

#: One transparent point, GIF89a.
PIXEL: Final = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")

_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:32em;margin:4em auto;padding:0 1em;color:#222}"
    "button{font:inherit;padding:.5em 1em;margin:.3em 0;display:block;width:100%;cursor:pointer}"
)

#: Nothing is loaded, framed or sent anywhere but here; the one style is named by its digest.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'; "
    f"style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"
)


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1>{body}</body></html>"
    )


FORM: Final = _page(
    "Unsubscribe",
    '<form method="post">'
    f'<button name="{FIELD}" value="One-Click">Unsubscribe from this list</button>'
    f'<button name="{FIELD}" value="All">Unsubscribe from everything of this sender</button></form>',
)
UNSUBSCRIBED: Final = _page("You are unsubscribed", "<p>You will get no further message of this kind.</p>")
PROOF: Final = _page("This is a proof", "<p>In the message itself this link unsubscribes whoever got it.</p>")
NOT_FOUND: Final = _page("Not found", "<p>This link leads nowhere. It may have been cut short.</p>")
TRY_AGAIN: Final = _page("One moment, please", "<p>That did not work just now. Please try again in a few seconds.</p>")
