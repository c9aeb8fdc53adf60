"""Where one signs in, and what is told to whoever cannot go on. Pure."""

from services.api.console.markup import Markup, el
from services.api.console.views.frame import message

_ABOUT = "A key of your account, as the API takes it. You see what it may see and do what it may do."


def sign_in_page(to: str, fault: str | None) -> Markup:
    """``to``: the path to go on to."""
    key = el(
        "input",
        id="key",
        name="key",
        type="password",
        required=True,
        autofocus=True,
        spellcheck="false",
        autocomplete="current-password",
        aria_describedby="about",
    )
    return el(
        "div",
        el("h1", "Sign in"),
        message(fault),
        el(
            "form",
            el("input", type="hidden", name="to", value=to),
            el("label", "Key", for_="key"),
            key,
            el(
                "p",
                "A key of your account, as the API takes it. You see and may do what it may.",
                id="about",
                class_="quiet",
            ),
            el("button", "Sign in", class_="first"),
            method="post",
            action="/console/login",
            class_="stack",
        ),
        class_="sign-in",
    )


def passing_page() -> Markup:
    return el("p", "One moment…")


def problem_page(heading: str, said: str) -> Markup:
    return el("div", el("h1", heading), message(said), el("p", el("a", "To the tasks", href="/console")))
