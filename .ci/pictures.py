"""Pictures of the console for the documentation: the demo's company, with some calls.

pictures.py PROGRAM - - FOLDER
"""

import subprocess
import tempfile
from pathlib import Path

from browser import PICTURES, PROGRAM, Browser, Server, environment
from console import PASSWORD

# Who calls; some of them are in the demo's phonebooks, some in none.
CALLERS = ["030 231 25-101", "+44 20 7946 0018", "0151 23456789", "anonymous", "+49 89 1234567"]
TRIED = "/try?caller=030+231+25-101&did=%2B493023125000&trunk=berlin&at="
SIZE_LIMIT = 150_000


def begin(browser, server):
    browser.driver.get(server.first_sign_in)
    browser.fill("name", "ada")
    for field in browser.driver.find_elements("css selector", "input[type=password]"):
        field.send_keys(PASSWORD)
    browser.press("Begin")
    browser.until("the overview", lambda: browser.path == "/")
    browser.open("/settings/destinations")
    browser.press("List what routes go to")
    for name, fields in {
        "business hours": {"hours": "mon-thu 09:00-17:30\nfri 09:00-16:00"},
        "holidays": {"dates": "12-24..12-26\n01-01"},
        "nights": {"hours": "22:00-06:00"},
    }.items():
        browser.open("/settings/new-hours")
        for field, text in {"name": name, "time_zone": "Europe/Berlin", **fields}.items():
            browser.fill(field, text)
        browser.press("Save")
        browser.until("the hours", lambda: browser.path == "/settings/hours")


def call(server):
    for _ in range(8):
        for caller in CALLERS:
            arguments = [PROGRAM, "route", caller, "--did", "+493023125000", "--server", server.calls]
            subprocess.run(arguments, check=False, stdout=subprocess.DEVNULL, env=environment())


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        demo = [PROGRAM, "demo", "--once", "--data-folder", folder / "data"]
        subprocess.run(demo, check=True, stdout=subprocess.DEVNULL, env=environment())
        server = Server(folder)
        browser = Browser(server.url)
        try:
            begin(browser, server)
            call(server)
            for picture, path, scheme, width in [
                ("overview", "/", "light", 1280),
                ("try-a-call", TRIED, "dark", 1280),
                ("settings", "/settings/hours", "light", 1280),
                ("routes-phone", "/routes", "dark", 390),
            ]:
                browser.like(scheme, width)
                browser.open(path)
                # What fits on a screen, not the whole length of the page.
                browser.picture(picture, most=900)
        finally:
            browser.driver.quit()
            server.end()
    for made in PICTURES.glob("*.png"):
        assert made.stat().st_size < SIZE_LIMIT, f"{made} has {made.stat().st_size} bytes"


if __name__ == "__main__":
    main()
