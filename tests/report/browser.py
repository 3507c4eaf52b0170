"""A real browser looks at a page: what it showed, what it complained of, what it asked the network for."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-default-apps", "--disable-extensions", "--enable-logging=stderr"),
    "--host-resolver-rules=MAP * ~NOTFOUND",  # what the browser wants of its makers stays on this machine
)


@dataclass(frozen=True)
class Seen:
    """console: its lines. requests: addresses the page asked for. dom: the document when it was loaded."""

    console: list[str]
    requests: list[str]
    dom: str
    screenshot: Image.Image


def look(page: Path, folder: Path, width: int = 1000, height: int = 1200) -> Seen:
    """Open ``page`` in Chromium; profile, log and screenshot go to ``folder``. Skips where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = next(filter(None, map(shutil.which, names)), None)
    if chromium is None:
        pytest.skip(f"no browser to look at the page with: install one of {', '.join(names)}")
    log, picture = folder / "net.json", folder / "screenshot.png"
    places = [f"--user-data-dir={folder / 'profile'}", f"--log-net-log={log}", f"--screenshot={picture}"]
    command = [chromium, *FLAGS, *places, f"--window-size={width},{height}", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    console = re.findall(r":CONSOLE[:(]\d+\)?\] (.*)", done.stderr)
    with Image.open(picture) as shot:
        return Seen(console, _requests(json.loads(log.read_text())), done.stdout, shot.convert("RGB"))


def _requests(log: dict) -> list[str]:
    """What the page asked for; what the browser asks for itself comes from no origin."""
    started = log["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    jobs = [event["params"] for event in log["events"] if event["type"] == started and "params" in event]
    return [job["url"] for job in jobs if "url" in job and job.get("initiator") != "not an origin"]
