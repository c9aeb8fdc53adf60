"""What stands around every page: head, navigation, messages. Pure."""

from typing import Final

from services.api.authenticate import Caller
from services.api.console.markup import Child, Markup, el, text
from services.api.console.reply import Page
from services.api.console.session import Session

PARTS: Final = (
    ("tasks", "/console", "Tasks"),
    ("campaigns", "/console/campaigns", "Campaigns"),
    ("splittests", "/console/splittests", "Split tests"),
    ("callbacks", "/console/callbacks", "Callbacks"),
    ("parked", "/console/parked", "Parked"),
    ("jobs", "/console/jobs", "Jobs"),
    ("suppressions", "/console/suppressions", "Suppressions"),
)


def write_page(page: Page, caller: Caller | None, session: Session | None) -> bytes:
    """The whole document. Without a caller there is nowhere to go but to sign in."""
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", http_equiv="refresh", content="0") if page.refresh else None,
        el("title", f"{page.title} · Postroom"),
        el("link", rel="icon", href="/console/static/icon.svg"),
        el("link", rel="stylesheet", href="/console/static/console.css"),
        el("script", src="/console/static/console.js", defer=True),
    )
    body = el(
        "body",
        el("a", "Skip to the content", class_="skip", href="#content"),
        _banner(page, caller, session),
        el("main", page.body, id="content", tabindex="-1"),
        data_live=page.live,
    )
    return f"<!doctype html>{el('html', head, body, lang='en')}".encode()


def _banner(page: Page, caller: Caller | None, session: Session | None) -> Markup:
    mark = el("a", "Postroom", class_="mark", href="/console")
    if caller is None or session is None:
        return el("header", mark, class_="banner")
    links = [
        el("li", el("a", title, href=href, aria_current="page" if page.place == place else None))
        for place, href, title in PARTS
    ]
    who = el("span", caller.role, class_="quiet")
    leave = post_form("/console/logout", session.token, el("button", "Sign out", class_="plain"), class_="leave")
    return el(
        "header",
        mark,
        el("nav", el("ul", links), aria_label="Console"),
        el("div", who, leave, class_="who"),
        class_="banner",
    )


def post_form(
    action: str, token: str, *inside: Child, class_: str | None = None, flag: str | None = None, shown: bool = True
) -> Markup:
    """A form that is taken only from this session. ``flag``: what it depends on whether it is shown."""
    hidden = el("input", type="hidden", name="token", value=token)
    return el("form", hidden, inside, method="post", action=action, class_=class_, data_if=flag, hidden=not shown)


def title(words: Child, *beside: Child) -> Markup:
    return el("div", el("h1", words), beside, class_="title")


def message(words: str | None) -> Markup:
    """Why something wanted could not be done."""
    return el("p", words, class_="message bad", role="alert") if words else Markup()


def region(name: str, inside: Child, tag: str = "div", class_: str | None = None) -> Markup:
    """What live figures replace."""
    return el(tag, inside, id=name, class_=class_)


def live_note(said: str, here: str | None = None) -> Markup:
    """Whether the figures are live, and what is said of them to whoever listens: the script fills both in. ``here``:
    the page itself, where live figures may tell of something that it has no place for yet.
    """
    return text(
        [
            el("p", "Reload the page for newer figures.", id="live", class_="live quiet"),
            el("p", said, id="said", class_="unseen", role="status", aria_live="polite"),
            el("p", el("a", "There is more here by now: show it", href=here), id="newer", hidden=True)
            if here
            else None,
        ]
    )


def section(heading: str, *inside: Child, note: str | None = None) -> Markup:
    name = "h-" + "-".join(heading.lower().split())
    about = el("p", note, class_="quiet") if note else None
    return el("section", el("h2", heading, id=name), about, inside, aria_labelledby=name)


def facts(pairs: list[tuple[str, Child]]) -> Markup:
    return el("dl", [el("div", el("dt", term), el("dd", value)) for term, value in pairs], class_="facts")


def table(caption: str, columns: list[str], rows: list[list[Child]], nothing: str, numbers: int = 0) -> Markup:
    """The first cell of a row names it. ``numbers``: so many of the last columns are figures."""
    if not rows:
        return el("p", nothing, class_="nothing")
    figures = len(columns) - numbers
    kinds = ["figure" if place >= figures else None for place in range(len(columns))]
    head = [el("th", column, scope="col", class_=kind) for column, kind in zip(columns, kinds, strict=True)]
    body = [
        el(
            "tr",
            el("th", row[0], scope="row"),
            [
                el("td", cell, class_=kind, data_label=column)
                for cell, column, kind in zip(row[1:], columns[1:], kinds[1:], strict=True)
            ],
        )
        for row in rows
    ]
    return el(
        "table", el("caption", caption, class_="unseen"), el("thead", el("tr", head)), el("tbody", body), class_="cards"
    )


def older(path: str, start: str | None, words: str = "Older") -> Markup:
    """``path``: with its query, ready for one more argument."""
    joint = "&" if "?" in path else "?"
    return el("p", el("a", words, href=f"{path}{joint}start={start}", rel="next")) if start else Markup()
