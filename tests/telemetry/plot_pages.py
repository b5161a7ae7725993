"""Pages of plots in a browser: how to open one, and what there is to read in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.telemetry.browsing import go
from townlet_core.telemetry.plotting.page import page
from townlet_core.telemetry.plotting.plan import Plot

EPOCHS = 60


def opened(browser: Any, tmp_path: Path, plot: Plot) -> None:
    file = tmp_path / "plot.html"
    file.write_bytes(page(plot))
    go(browser, file)


def find(browser: Any, selector: str) -> list[Any]:
    found: list[Any] = browser.find_elements("css selector", selector)
    return found


def curves(browser: Any, metric: str, kind: str = "curve") -> list[list[tuple[float, float]]]:
    """Give the points of the curves of a metric, in pixels of its panel."""
    paths = find(browser, f"svg[data-metric='{metric}'] path.{kind}")
    numbers = [re.findall(r"[ML](-?[\d.]+),(-?[\d.]+)", path.get_attribute("d")) for path in paths]
    return [[(float(x), float(y)) for x, y in points] for points in numbers]


def hover(browser: Any, metric: str, epoch: float, first: float = 1, last: float = EPOCHS) -> None:
    """Move the pointer to where an epoch lies in the panel of a metric."""
    from selenium.webdriver.common.action_chains import ActionChains

    [svg] = find(browser, f"svg[data-metric='{metric}']")
    left, right = browser.execute_script("return [LEFT, RIGHT];")
    width = svg.size["width"]
    x = left + (epoch - first) / (last - first) * (width - left - right)
    ActionChains(browser, duration=0).move_to_element_with_offset(svg, round(x - width / 2), 0).perform()


def tip(browser: Any) -> str:
    return str(find(browser, "#tip")[0].text)
