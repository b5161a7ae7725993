"""A browser without a window, in which pages are looked at as their readers do."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1300,1000")


@contextmanager
def chromium() -> Iterator[Any]:
    """Open a browser that writes down what it says and what it asks the network for.

    Without one the test is skipped; where CI is set it fails.
    """
    driver = shutil.which("chromedriver")
    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if driver is None or program is None:
        reason = f"there is no {'chromedriver' if driver is None else 'chromium'} on PATH"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    options.binary_location = program
    for argument in ARGUMENTS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = Chrome(options=options, service=Service(driver))
    try:
        yield browser
    finally:
        browser.quit()


def go(browser: Any, page: Path) -> None:
    """Open a page; what the one before has said is forgotten."""
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(page.as_uri())


def said(browser: Any) -> list[str]:
    """Give what the page has written to the console."""
    return [entry["message"] for entry in browser.get_log("browser")]


def asked(browser: Any) -> list[str]:
    """Give the addresses that the page has asked for."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [each["params"] for each in messages if each["method"] == "Network.requestWillBeSent"]
    return [each["request"]["url"] for each in sent]
