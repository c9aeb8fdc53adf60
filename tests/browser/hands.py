"""What a person does with a page: goes to it, reads it, types, presses keys, looks at it in the dark or on a phone."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from tests.browser.tab import SECONDS, Browser, Tab

_KEYS: Final = {
    "Tab": {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9},
    "Enter": {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"},
    "Space": {"key": " ", "code": "Space", "windowsVirtualKeyCode": 32, "text": " "},
}
WIDE, PHONE = (1100, 900), (375, 812)


@dataclass(frozen=True, slots=True)
class Person:
    tab: Tab

    async def go(self, url: str) -> None:
        """And wait until everything on the page has come."""
        await self.tab.browser.come((await self.tab.ask("Page.navigate", url=url))["loaderId"])

    async def value(self, expression: str) -> Any:
        """Of JavaScript on the page. The page's own policy does not apply to whoever looks from outside."""
        told = await self.tab.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    async def text(self, selector: str = "body") -> str:
        """As it is seen, in one line; nothing where there is none."""
        found = await self.value(f"(document.querySelector({selector!r}) || {{}}).innerText")
        return " ".join(str(found or "").split())

    async def until(self, expression: str, seconds: float = SECONDS) -> Any:
        """The first value that is true. Raises TimeoutError. A page on its way to another has none."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    try:
                        if found := await self.value(expression):
                            return found
                    except AssertionError:
                        pass
                    await asyncio.sleep(0.05)
        except TimeoutError:
            told = await self.value("`${location.href} ${document.readyState} ${document.body.innerText}`")
            raise TimeoutError(f"never: {expression}\n{told}") from None

    async def leave(self) -> None:
        await self.tab.ask("Page.close")

    async def type(self, words: str) -> None:
        await self.tab.ask("Input.insertText", text=words)

    async def press(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            await self.tab.ask("Input.dispatchKeyEvent", type=kind, **_KEYS[key])

    async def click(self, selector: str) -> None:
        """Once it is there to be seen."""
        seen = f"document.querySelector({selector!r}).checkVisibility()"
        await self.until(f"document.readyState === 'complete' && {seen}")
        await self.tab.click(selector)

    async def tab_to(self, selector: str, most: int = 80) -> None:
        """By the key alone, seeing at each step where one is."""
        for _ in range(most):
            if await self.value(f"document.activeElement.matches({selector!r})"):
                return
            await self.press("Tab")
            assert await self.value(FOCUS_IS_SEEN), await self.value("document.activeElement.outerHTML")
        raise AssertionError(f"no way by keyboard to {selector}: {await self.text()}")

    async def look(self, size: tuple[int, int] = WIDE, *, dark: bool = False) -> None:
        width, height = size
        await self.tab.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=size == PHONE
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.tab.ask("Emulation.setEmulatedMedia", features=[scheme])


#: Whoever has the focus has an outline; the page as a whole needs none.
FOCUS_IS_SEEN: Final = (
    "(e => e === document.body || e.id === 'content' || (getComputedStyle(e).outlineStyle !== 'none'"
    " && parseFloat(getComputedStyle(e).outlineWidth) >= 2))(document.activeElement)"
)


async def somebody(browser: Browser, url: str) -> Person:
    """In a tab of his own, of which every complaint of the browser is noted: policies broken, errors of scripts."""
    tab = await browser.open(url)
    await tab.ask("Runtime.enable")
    await tab.ask("Log.enable")
    # Side by side with others, and yet each page believes that it is looked at.
    await tab.ask("Emulation.setFocusEmulationEnabled", enabled=True)
    return Person(tab)
