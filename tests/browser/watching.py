"""Waiting for what a page with a countdown comes to show."""

from playwright.sync_api import Page


def until(page: Page, condition: str, seconds: float = 10) -> None:
    """Wait until ``condition`` holds; ``r`` is what the page shows, ``c`` its countdown.

    As one evaluated function: the pages' security policy forbids them to evaluate text, also for Playwright.
    """
    page.evaluate(
        f"""(seconds) => new Promise((yes, no) => {{
          const end = Date.now() + seconds * 1000;
          const look = () => {{
            const c = document.querySelector('#stage')?.countdown;
            const r = c?.last;
            if (r && ({condition})) yes();
            else if (Date.now() > end) no(new Error(JSON.stringify(r)));
            else setTimeout(look, 20);
          }};
          look();
        }})""",
        seconds,
    )


def settled(page: Page) -> None:
    """Wait until what has been changed is laid out and drawn."""
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
    )
