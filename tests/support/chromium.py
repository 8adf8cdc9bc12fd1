"""A real browser, where there is one: pages are opened in it and measured."""

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
_OPTIONS = (
    "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update "
    "--disable-sync --allow-file-access-from-files --window-size=1400,2000 --virtual-time-budget=20000"
).split()
_MEASURE = """
const out = [];
for (const frame of document.querySelectorAll("iframe")) {
  const page = frame.contentDocument, box = [], wrong = [], sizes = [];
  const width = frame.contentWindow.innerWidth;
  for (const figure of page.querySelectorAll("figure")) {
    const svg = [...figure.querySelectorAll("svg")].find(one => one.checkVisibility());
    const whole = svg.getBoundingClientRect();
    box.push([figure.id, whole.width, whole.height]);
    const scale = svg.getScreenCTM().a;
    for (const t of figure.querySelectorAll(".plot text"))
      if (t.textContent.trim() && t.checkVisibility()) sizes.push(parseFloat(getComputedStyle(t).fontSize) * scale);
    const texts = [...svg.querySelectorAll("text")].filter(t => t.textContent.trim()).map(
      t => [t.textContent, t.getBoundingClientRect()]);
    for (const [i, [text, a]] of texts.entries()) {
      if (a.left < whole.left - 2 || a.right > whole.right + 2 || a.top < whole.top - 2 || a.bottom > whole.bottom + 2)
        wrong.push([figure.id, "cut off", text]);
      for (const [other, b] of texts.slice(i + 1)) {
        const w = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const h = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (w > 1.5 && h > 0.35 * Math.min(a.height, b.height)) wrong.push([figure.id, text, other]);
      }
    }
  }
  out.push({width, wide: page.documentElement.scrollWidth, figures: box, wrong, smallest: Math.min(99, ...sizes),
            requests: frame.contentWindow.performance.getEntriesByType("resource").map(e => e.name),
            background: getComputedStyle(page.body).backgroundColor});
}
document.body.dataset.found = JSON.stringify(out);
"""


@dataclass(frozen=True, slots=True)
class RenderedPage:
    """What a browser made of a page. Lengths in pixels."""

    width: int
    """Of the window."""
    wide: int
    """Of what is in it."""
    figures: dict[str, tuple[float, float]]
    """Width and height by id."""
    smallest: float
    """Size of the smallest letters in the plots, in pixels; 99 without plots."""
    wrong: list[list[str]]
    """Texts of a figure that lie upon each other, or outside of it."""
    requests: list[str]
    """What the page fetched."""
    background: str


def look(folder: Path, pages: Sequence[tuple[Path, int]]) -> tuple[list[RenderedPage], str]:
    """Opens pages, each in a window of its width, and gives what is seen and what the browser complains of."""
    frames = "".join(
        f'<iframe src="{path.resolve().as_uri()}" width="{w}" height="900" style="border:0"></iframe>'
        for path, w in pages
    )
    measured, complaints = _driven(folder, frames, _MEASURE)
    return [_seen(one) for one in measured], complaints


def evaluate(folder: Path, path: Path, code: str, size: tuple[int, int] = (1280, 800)) -> Any:
    """What the code returns, in which `page` is the document opened in a window of that size."""
    width, height = size
    frame = f'<iframe src="{path.resolve().as_uri()}" width="{width}" height="{height}" style="border:0"></iframe>'
    head = 'const page = document.querySelector("iframe").contentDocument;'
    found, complaints = _driven(
        folder, frame, f"{head} document.body.dataset.found = JSON.stringify((() => {{{code}}})());"
    )
    assert complaints == ""
    return found


def _driven(folder: Path, frames: str, code: str) -> tuple[Any, str]:
    """What the code leaves in the body's `data-found`, and what the browser complains of."""
    assert BROWSER is not None
    driver = folder / "driver.html"
    driver.write_text(f"<!doctype html><body>{frames}<script>addEventListener('load', () => {{{code}}})</script>")
    where = ["--enable-logging=stderr", "--v=0", f"--user-data-dir={folder / 'profile'}", "--dump-dom", driver.as_uri()]
    ended = subprocess.run([BROWSER, *_OPTIONS, *where], capture_output=True, text=True, timeout=900, check=True)
    found = re.search(r'data-found="([^"]*)"', ended.stdout)
    assert found is not None, ended.stderr
    complaints = "\n".join(line for line in ended.stderr.splitlines() if "CONSOLE" in line)
    return json.loads(unescape(found[1])), complaints


def _seen(one: dict[str, Any]) -> RenderedPage:
    figures = {name: (width, height) for name, width, height in one["figures"]}
    return RenderedPage(
        one["width"], one["wide"], figures, one["smallest"], one["wrong"], one["requests"], one["background"]
    )
