"""What the console is tried with: the program, a SQL Server, a browser that looks for what keeps people out."""

import base64
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

PROGRAM, SQL_SERVER = (Path(name).resolve() for name in sys.argv[1:3])
# None where nothing is checked.
AXE = "" if sys.argv[3] == "-" else Path(sys.argv[3]).read_text()
PICTURES = Path(sys.argv[4]) if len(sys.argv) > 4 else None
EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "sql-server"
PATIENCE = 240
# Ids that are there more than once, and links within the page that lead nowhere.
IDS = """
const ids = [...document.querySelectorAll("[id]")].map((found) => found.id);
const links = [...document.querySelectorAll('a[href^="#"]')].map((found) => found.getAttribute("href").slice(1));
return [ids.filter((id, place) => ids.indexOf(id) !== place), links.filter((id) => !document.getElementById(id))];
"""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def environment(**more):
    plain = {name: value for name, value in os.environ.items() if not name.startswith("RINGROUTE_")}
    return plain | more


class Server:
    """A server with an empty data folder, on ports of its own."""

    def __init__(self, folder):
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--listen", "127.0.0.1:0", "--data-folder", folder / "data"],
            stdout=subprocess.PIPE,
            stderr=(folder / "log").open("w"),
            text=True,
            env=environment(RINGROUTE_CONSOLE_ADDRESS="127.0.0.1:0"),
        )
        for line in self.process.stdout:
            if found := re.search(r"Ringroute listens on (\S+)", line):
                self.calls = found[1]
            if found := re.search(r"http://\S+/first-sign-in\S+", line):
                self.first_sign_in = found[0]
                self.url = found[0].split("/first-sign-in")[0]
                return
        raise SystemExit(f"the server told no link:\n{(folder / 'log').read_text()}")

    def end(self):
        self.process.terminate()
        self.process.wait(PATIENCE)


# The example's contacts again and again, so many that a bar can be seen to move, and one that means harm.
DOUBLED = """
INSERT INTO testpbx.contacts (id, first_name, last_name, company, email, phone, mobile, belongto)
SELECT id + {count}, first_name, last_name, company, email, phone, mobile, belongto FROM testpbx.contacts;
GO
"""
HOSTILE = "<img src=x onerror=document.title='harm'>"
HARMFUL = f"""
INSERT INTO testpbx.contacts (id, first_name, last_name, company, email, phone, mobile, belongto) VALUES
    (0, N'{HOSTILE.replace("'", "''")}', N'{HOSTILE.replace("'", "''")}', N'{HOSTILE.replace("'", "''")}', NULL,
     '+49 30 5550199', NULL, N'Sales'),
    -- Ends like somebody else's.
    (-1, N'Echo', NULL, NULL, NULL, '+49 40 901820', NULL, N'Sales');
GO
"""


class SqlServer:
    """The SQL Server of the tests, with the example's table and login."""

    user, password, database = "ringroute", "Change-this-1!", "crm"

    def __init__(self, folder):
        more = "".join(DOUBLED.format(count=12 * 2**times) for times in range(14)) + HARMFUL
        (folder / "more.sql").write_text(more)
        self.ca_file = folder / "company-ca.pem"
        scripts = [EXAMPLE / "create-example.sql", folder / "more.sql", EXAMPLE / "create-login.sql"]
        self.process = subprocess.Popen(
            [SQL_SERVER, "--listen", "127.0.0.1:0", "--database", self.database, "--ca-file", self.ca_file]
            + [word for script in scripts for word in ("--script", script)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for line in self.process.stdout:
            if found := re.search(r"127\.0\.0\.1:(\d+)", line):
                self.port = found[1]
                return
        raise SystemExit("the SQL Server did not start")

    def end(self):
        # It takes its certificates away.
        self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE)


class Browser:
    """Chromium without a window."""

    def __init__(self, url):
        self.url = url
        # Paths that axe has looked at.
        self.checked = set()
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for argument in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"]:
            options.add_argument(argument)
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        self.like("light", 1280)

    def like(self, scheme, width):
        # Without motion: pictures are of what a change comes to.
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def open(self, path):
        self.driver.get(self.url + path)

    def fetched(self, path):
        """What a link to a file would download."""
        script = "fetch(arguments[0]).then((answer) => answer.text()).then(arguments[1])"
        return self.driver.execute_async_script(script, path)

    @property
    def path(self):
        return self.driver.current_url.removeprefix(self.url)

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector="main"):
        return self.find(selector).text.replace("\u202f", " ").replace("\u00a0", " ")

    def fill(self, name, text):
        field = self.find(f'[name="{name}"]')
        field.clear()
        field.send_keys(text)

    def choose(self, name, value):
        """A box, or one of several choices."""
        self.click(self.find(f'[name="{name}"][value="{value}"]'))

    def unfold(self, text):
        self.click(self.driver.find_element(By.XPATH, f'//summary[normalize-space()="{text}"]'))

    def press(self, text):
        """The button or link that has exactly this on it and can be seen."""
        xpath = f'//*[self::button or self::a][normalize-space()="{text}"][not(contains(@class, "spoken"))]'
        shown = [found for found in self.driver.find_elements(By.XPATH, xpath) if found.is_displayed()]
        assert shown, f"no {text!r} on {self.path}:\n{self.text()}"
        self.click(shown[0])

    def click(self, element):
        # Not below the bar that stays at the bottom.
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def until(self, what, condition):
        try:
            return WebDriverWait(self.driver, PATIENCE, 0.05, [Exception]).until(lambda _: condition())
        except Exception:
            raise AssertionError(f"{what}: not on {self.path}:\n{self.text()}") from None

    def picture(self, name, most=3200):
        """The whole page, as far as it is no longer than `most`."""
        if PICTURES is None:
            return
        PICTURES.mkdir(parents=True, exist_ok=True)
        width, height = self.driver.execute_script(
            "return [innerWidth, Math.min(document.documentElement.scrollHeight, arguments[0])]", most
        )
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        options = {"captureBeyondViewport": True, "clip": clip}
        taken = self.driver.execute_cdp_cmd("Page.captureScreenshot", options)["data"]
        (PICTURES / f"{name}.png").write_bytes(base64.b64decode(taken))

    def check(self, name):
        """What axe finds in light and in dark, and whether the page fits a phone."""
        self.checked.add(self.path.split("?")[0])
        for scheme, width in [("light", 1280), ("dark", 1280), ("light", 390)]:
            self.like(scheme, width)
            self.picture(f"{name}-{'phone' if width < 600 else scheme}")
            too_wide = self.driver.execute_script("return document.documentElement.scrollWidth > innerWidth")
            assert not too_wide, f"{name} is wider than {width}"
            twice, nowhere = self.driver.execute_script(IDS)
            assert not twice, f"ids that {name} has more than once: {twice}"
            assert not nowhere, f"links of {name} that lead nowhere: {nowhere}"
            self.driver.execute_script(AXE)
            found = self.driver.execute_async_script(
                "axe.run({ runOnly: arguments[0] }).then((found) => arguments[1](found))", RULES
            )
            assert len(found["passes"]) > 10, f"axe looked at nothing of {name}"
            told = [
                f"{rule['id']} ({rule['impact']}): {node['html'][:200]}\n  {node['failureSummary']}"
                for rule in found["violations"]
                for node in rule["nodes"]
            ]
            assert not told, f"{name}, {scheme}, {width} wide:\n" + "\n".join(told)
        self.like("light", 1280)
