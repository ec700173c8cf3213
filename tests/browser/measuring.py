"""What is wrong with a page as it stands on the screen, measured from the boxes of its text."""

from typing import Any

from playwright.sync_api import Page

_FAULTS = """
(least) => {
  const faults = [];
  const own = (el) => [...el.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const name = (el) => `${el.tagName.toLowerCase()}#${el.id}.${el.className} “${el.textContent.trim().slice(0, 30)}”`;
  const seen = (el) => el.checkVisibility({ visibilityProperty: true }) && !el.closest('.unseen, .skip, script');
  const shown = [...document.body.querySelectorAll('*')].filter(seen);
  const inner = (el) => own(el) && !shown.some((other) => other !== el && own(other) && other.contains(el));
  const boxes = shown.filter(inner).map((el) => [el, el.getBoundingClientRect()]);
  for (const [el, { left, top, right, bottom }] of boxes) {
    if (left < -0.5 || top < -0.5 || right > innerWidth + 0.5 || bottom > innerHeight + 0.5)
      faults.push(`outside: ${name(el)} ${[left, top, right, bottom].map(Math.round)}`);
    const size = parseFloat(getComputedStyle(el).fontSize);
    if (size < least - 0.1) faults.push(`small: ${name(el)} ${size}`);
  }
  boxes.sort(([, a], [, b]) => a.top - b.top);
  boxes.forEach(([one, a], place) => {
    for (const [other, b] of boxes.slice(place + 1)) {
      if (b.top >= a.bottom - 1) break;
      if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1)
        faults.push(`over each other: ${name(one)} and ${name(other)}`);
    }
  });
  for (const el of shown.filter((each) => getComputedStyle(each).display !== 'inline')) {
    if (el.scrollHeight > el.clientHeight + 1)
      faults.push(`cut off below: ${name(el)} ${el.scrollHeight} > ${el.clientHeight}`);
    if (el.scrollWidth > el.clientWidth + 1)
      faults.push(`cut off at the side: ${name(el)} ${el.scrollWidth} > ${el.clientWidth}`);
  }
  return faults;
}
"""


def faults(page: Page, least: float) -> list[str]:
    """Text of ``page`` that overlaps other text, is outside the screen, cut off, or less than ``least`` px high."""
    found: list[Any] = page.evaluate(_FAULTS, least)
    return [str(each) for each in found]
