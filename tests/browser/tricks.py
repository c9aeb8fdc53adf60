"""What html can try, to load something, run something or lead somewhere. Each trick calls at a url of its own."""

from collections.abc import Mapping
from typing import Final

_CALL: Final = "new Image().src=&quot;{url}&quot;"
_CALLS: Final = "<script>new Image().src='{url}'</script>"

#: By name; ``{url}`` is where it calls.
TRICKS: Final[Mapping[str, str]] = {
    # what runs
    "script": _CALLS,
    "script-src": "<script src='{url}'></script>",
    "script-module": "<script type=module src='{url}'></script>",
    "onerror": f'<img src="data:," onerror="{_CALL}">',
    "onload-of-a-picture": f'<svg onload="{_CALL}"></svg>',
    "onload-of-the-page": f'<body onload="{_CALL}">',
    "onfocus": f'<input autofocus onfocus="{_CALL}">',
    "ontoggle": f'<details open ontoggle="{_CALL}"><summary>x</summary></details>',
    "onanimation": "<style>@keyframes k {{ to {{ opacity: .5 }} }}</style>"
    f'<b style="animation: k 1ms" onanimationstart="{_CALL}">x</b>',
    "svg-script": "<svg><script href='{url}'></script></svg>",
    "javascript-frame": f'<iframe src="javascript:void({_CALL})"></iframe>',
    "javascript-link": f'<a id=trap href="javascript:void({_CALL})">x</a><script>trap.click()</script>',
    "srcdoc": "<iframe srcdoc=\"<script>new Image().src='{url}'</script>\"></iframe>",
    "srcdoc-picture": "<iframe srcdoc=\"<img src='{url}'>\"></iframe>",
    "data-frame": "<iframe src=\"data:text/html,<script>new Image().src='{url}'</script>\"></iframe>",
    "data-object": "<object type='text/html' data=\"data:text/html,<img src='{url}'>\"></object>",
    # what loads
    "picture": "<img src='{url}'>",
    "srcset": "<img srcset='{url} 1x'>",
    "picture-source": "<picture><source srcset='{url}'><img></picture>",
    "svg-picture": "<svg width=9 height=9><image href='{url}' width=9 height=9 /></svg>",
    "input-picture": "<input type=image src='{url}'>",
    "base": "<base href='{url}/'><img src='picture'>",
    "stylesheet": "<link rel=stylesheet href='{url}'>",
    "import": "<style>@import url({url});</style>",
    "background": "<p style='background: url({url})'>x</p>",
    "background-attribute": "<table background='{url}'><tr><td>x</table>",
    "list-picture": "<ul style='list-style-image: url({url})'><li>x</ul>",
    "font": "<style>@font-face {{ font-family: own; src: url({url}) }}</style><p style='font-family: own'>x</p>",
    "preload": "<link rel=preload as=image href='{url}'>",
    "prefetch": "<link rel=prefetch href='{url}'>",
    "frame": "<iframe src='{url}'></iframe>",
    "object": "<object data='{url}'></object>",
    "embed": "<embed src='{url}'>",
    "video": "<video src='{url}' preload=auto></video>",
    "poster": "<video poster='{url}'></video>",
    "audio": "<audio src='{url}' preload=auto></audio>",
    # what leads away
    "refresh": "<meta http-equiv=refresh content='0;url={url}'>",
    "form": "<form id=form1 action='{url}' method=post><input name=a value=b></form><script>form1.submit()</script>",
    "location": "<script>location = '{url}'</script>",
    "form-to-the-top": "<form id=form2 action='{url}' target=_top><input name=a></form><script>form2.submit()</script>",
    "top": "<script>top.location = '{url}'</script>",
}
TO_THE_TOP: Final = frozenset({"form-to-the-top", "top"})  #: take away the page around them


def trick(name: str, canary: str) -> str:
    return TRICKS[name].format(url=f"{canary}/{name}")


def every_trick(canary: str) -> str:
    return "\n".join(trick(name, canary) for name in TRICKS)
