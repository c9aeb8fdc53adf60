"""What `postroom settings` says: every setting that there is, straight from where they are read."""

import json
import sys

from shared.runtime.setting_list import SETTINGS

_MARKDOWN_HEAD = """# Settings

Read once at the start, from the environment. What is missing or cannot be read is named all at once, and the exit code
is 2; a name that begins with `POSTROOM_` and is not listed here is an error, too. Each secret setting can also be given
as the path of a file that holds it: {secret}.

This page is written by `.venv/bin/python -m services.standalone.list_settings > docs/reference/settings.md`, and
`postroom settings` shows the same.
"""


def as_text() -> str:
    """Three columns; secret settings are named with their second form."""
    rows = [(setting.variable, _shown(setting.default), setting.meaning) for setting in SETTINGS]
    wide = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"{name:<{wide[0]}}  {default:<{wide[1]}}  {meaning}" for name, default, meaning in rows]
    return "\n".join([*lines, "", f"From a file, by its path: {_from_files()}", ""])


def as_json() -> str:
    """``default`` null: none; such a setting must be given where it is needed."""
    rows = [
        {
            "name": setting.variable,
            "default": setting.default,
            "meaning": setting.meaning,
            "secret": setting.secret,
        }
        for setting in SETTINGS
    ]
    return json.dumps(rows, indent=2) + "\n"


def as_markdown() -> str:
    """The whole of docs/reference/settings.md."""
    rows = [
        f"| `{setting.variable}` | {_shown(setting.default)} | {_escaped(setting.meaning)} |" for setting in SETTINGS
    ]
    return "\n".join(
        [_MARKDOWN_HEAD.format(secret=_from_files()), "| setting | default | meaning |", "|---|---|---|", *rows, ""]
    )


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _shown(default: str | None) -> str:
    return "(none)" if default is None else default or "(empty)"


def _from_files() -> str:
    return ",\n".join(f"{setting.variable}_FILE" for setting in SETTINGS if setting.secret)


if __name__ == "__main__":
    sys.stdout.write(as_markdown())
