"""The console as somebody uses it: from the first start to a run that is rolled back, in a real browser.

console.py PROGRAM AXE [FOLDER FOR PICTURES]
"""

import base64
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

PROGRAM = Path(sys.argv[1]).resolve()
AXE = Path(sys.argv[2])
PICTURES = Path(sys.argv[3]) if len(sys.argv) > 3 else None
PASSWORD = "correct horse battery"
# So many that a bar can be seen to move.
CONTACTS = 120_000
PATIENCE = 120
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
            if found := re.search(r"listens on (http\S+)", line):
                self.calls = found[1]
            if found := re.search(r"http://\S+/first-sign-in\S+", line):
                self.first_sign_in = found[0]
                self.url = found[0].split("/first-sign-in")[0]
                return
        raise SystemExit(f"the server told no link:\n{(folder / 'log').read_text()}")

    def end(self):
        self.process.terminate()
        self.process.wait(PATIENCE)


class Browser:
    """Chromium without a window."""

    def __init__(self, url):
        self.url = url
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
        for scheme, width in [("light", 1280), ("dark", 1280), ("light", 390)]:
            self.like(scheme, width)
            self.picture(f"{name}-{'phone' if width < 600 else scheme}")
            too_wide = self.driver.execute_script("return document.documentElement.scrollWidth > innerWidth")
            assert not too_wide, f"{name} is wider than {width}"
            self.driver.execute_script(AXE.read_text())
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


def first_sign_in(browser, server):
    browser.driver.get(server.first_sign_in)
    browser.check("first-sign-in")
    browser.fill("name", "ada")
    for field in browser.driver.find_elements(By.CSS_SELECTOR, "input[type=password]"):
        field.send_keys(PASSWORD)
    browser.press("Begin")
    browser.until("the overview", lambda: browser.path == "/" and "Nothing is set up yet" in browser.text())
    browser.check("welcome")
    # The link is good once.
    browser.driver.get(server.first_sign_in)
    assert "Welcome" not in browser.text(), browser.text()


def set_source_up(browser, database):
    browser.open("/sources")
    browser.press("Add a source")
    browser.fill("name", "crm")
    browser.click(browser.find("#connection-sqlite"))
    browser.fill("connection.sqlite.path", "/nowhere/at-all.db")
    browser.press("Test")
    browser.until("what is wrong with the file", lambda: "at-all.db" in browser.text(".banner.bad, .error"))
    assert browser.find('[name="name"]').get_attribute("value") == "crm", "what was typed is gone"
    browser.fill("connection.sqlite.path", str(database))
    browser.press("Test")
    browser.until("the tables found", lambda: "Reached" in browser.text("#tested"))
    columns = {
        "key": "id",
        "first_name": "first_name",
        "last_name": "last_name",
        "company": "company",
        "business_number": "phone",
        "mobile_number": "mobile",
    }
    for field, column in columns.items():
        browser.fill(f"field_map.{field}", column)
    browser.click(browser.find("#phonebook-by_property"))
    browser.fill("phonebook.by_property.column", "belongto")
    browser.fill("sync_filter", "select ${MAP} form main.contacts")
    browser.press("Save")
    browser.until("the error under the word", lambda: "^" in browser.text(".error"))
    browser.check("source-with-an-error")
    browser.fill("sync_filter", "select ${MAP} from main.contacts order by id")
    browser.press("Save and preview")
    browser.until("the preview", lambda: "Sync Now, exactly this" in browser.text())
    browser.check("preview")
    assert "never synchronised" not in browser.text()


def synchronise(browser):
    browser.open("/sources/crm")
    browser.press("Sync Now")
    seen = set()

    def moved():
        seen.add(browser.find("progress").get_attribute("value"))
        return len(seen) >= 3

    browser.until("a bar that moves", moved)
    browser.picture("under-way")
    browser.press("Cancel")
    browser.until("the run that was cancelled", lambda: "Cancelled" in browser.text())

    browser.open("/sources/crm")
    browser.press("Sync Now")
    done = "contacts have been successfully synchronized from crm."
    browser.until("the banner", lambda: done in browser.text())
    browser.check("source-synchronised")
    browser.open("/sync-runs")
    browser.check("runs")
    browser.driver.find_elements(By.CSS_SELECTOR, "tbody a")[0].click()
    browser.until("the run", lambda: "Rejected" in browser.text())
    browser.check("run")
    for path in ["/", "/sources", "/sources/crm/edit", "/account"]:
        browser.open(path)
        browser.check(path.strip("/").replace("/", "-") or "overview")


def set_things(browser):
    """Every page of the settings, empty and filled in, with a mistake on the way."""
    browser.open("/settings")
    browser.check("settings")
    browser.open("/settings/trunks")
    browser.check("trunks-none")
    browser.press("Add a trunk")
    browser.fill("name", "hamburg")
    browser.fill("caller_rules.0.pattern", "0049[")
    browser.press("Save")
    browser.until("the error at its field", lambda: "not a pattern" in browser.text(".error"))
    assert browser.find('[name="name"]').get_attribute("value") == "hamburg", "what was typed is gone"
    browser.check("trunk-with-an-error")
    browser.fill("caller_rules.0.pattern", "0049X.")
    browser.fill("caller_rules.0.strip", "4")
    browser.fill("caller_rules.0.add", "+49")
    browser.press("Save")
    browser.until("the trunk", lambda: browser.path == "/settings/trunks" and "is there" in browser.text())
    browser.check("trunks")
    things = [
        ("/settings/new-destination", {"target": "6310", "name": "Support Berlin"}),
        ("/settings/new-destination", {"target": "6311", "name": "Night shift"}),
        (
            "/settings/new-hours",
            {
                "name": "business hours",
                "time_zone": "Europe/Berlin",
                "hours": "mon-thu 09:00-17:30\nfri 09:00-16:00",
            },
        ),
        (
            "/settings/new-hours",
            {"name": "holidays", "time_zone": "Europe/Berlin", "dates": "12-24..12-26\n01-01\n2027-03-26"},
        ),
        ("/settings/new-extension", {"number": "1001", "name": "Ada Lovelace", "groups": "Berlin\nSales"}),
        ("/settings/new-extension", {"number": "1002", "name": "Grace Hopper", "groups": "London"}),
    ]
    for path, fields in things:
        browser.open(path)
        for name, text in fields.items():
            browser.fill(name, text)
        browser.picture(path.rsplit("/", 1)[1])
        browser.press("Save")
        browser.until("what was added", lambda: browser.path != path)
    browser.open("/settings/new-grant")
    browser.fill("name", "Sales for Berlin")
    browser.press("Save")
    browser.until("what is missing", lambda: "is empty" in browser.text(".error"))
    browser.check("grant-with-an-error")
    browser.click(browser.find('[name="phonebooks"][value="Sales"]'))
    browser.click(browser.find('[name="extension_groups"][value="Berlin"]'))
    browser.press("Save")
    browser.until("the grant", lambda: browser.path == "/settings/grants")
    browser.open("/settings/dial-strings")
    browser.fill("dial_strings.ring_group", "Local/{target}@groups")
    browser.press("Save")
    browser.until("that it is saved", lambda: "Saved" in browser.text(".banners"))
    for page in ["dial-strings", "destinations", "hours", "extensions", "grants", "clients", "limits", "history"]:
        browser.open(f"/settings/{page}")
        browser.check(page)
    for page in ["hours/holidays", "destinations/ring_group%206310", "extensions/1001"]:
        browser.open(f"/settings/{page}")
        browser.check(page.split("/")[0] + "-form")


def choose_last_digits(browser):
    browser.open("/settings/numbers")
    browser.check("numbers")
    browser.find('[name="numbers.last_digits"] option[value="7"]').click()
    browser.press("Save")
    browser.until("whom it would mix up", lambda: "would be mixed up" in browser.text(".banner.warning"))
    browser.check("numbers-asked")
    browser.press("Save")
    browser.until("that it is on", lambda: "Saved" in browser.text(".banners"))
    browser.open("/settings/numbers/collisions?digits=7")
    browser.check("collisions")


def roll_back(browser):
    browser.open("/sync-runs")
    browser.driver.find_elements(By.CSS_SELECTOR, "tbody a")[0].click()
    browser.press("Roll back…")
    browser.until("what it would do", lambda: "Runs taken back" in browser.text())
    browser.check("roll-back")
    browser.press("Roll back")
    browser.until("the rollback", lambda: "Rollback" in browser.text("h1") and "Succeeded" in browser.text())
    browser.open("/")
    browser.until("no contacts", lambda: re.search(r"Contacts\n0\n", browser.text()))


def with_keys_only(browser):
    """From the sign-in to a run that is started, without a mouse; where one is can be seen all the time."""
    browser.driver.delete_all_cookies()
    browser.open("/sources/crm")

    def focused():
        return browser.driver.switch_to.active_element

    def type_keys(*keys):
        focused().send_keys(*keys)

    def tab_to(text):
        for _ in range(60):
            type_keys(Keys.TAB)
            is_seen = browser.driver.execute_script(
                "const style = getComputedStyle(document.activeElement);"
                "return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0"
            )
            assert is_seen, f"nobody sees that {focused().get_attribute('outerHTML')[:200]} has the focus"
            if focused().text == text:
                return
        raise AssertionError(f"{text!r} is not reached by keys on {browser.path}")

    browser.until("the sign-in", lambda: browser.path.startswith("/sign-in"))
    type_keys("ada", Keys.TAB, PASSWORD, Keys.ENTER)
    browser.until("where one was going", lambda: browser.path == "/sources/crm")
    type_keys(Keys.TAB)
    assert focused().text == "Skip to the content", focused().text
    type_keys(Keys.ENTER)
    tab_to("Sync Now")
    type_keys(Keys.ENTER)
    browser.until("the banner", lambda: "successfully synchronized from crm." in browser.text())
    # Something is set, too.
    browser.open("/settings/history")
    tab_to("Save")
    type_keys(Keys.ENTER)
    browser.until("that it is saved", lambda: "Saved" in browser.text(".banners"))
    tab_to("Sign out")
    type_keys(Keys.ENTER)
    browser.until("the sign-in", lambda: browser.path == "/sign-in")


def main():
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        demo = [PROGRAM, "demo", "--once", "--contacts", str(CONTACTS), "--data-folder", folder / "sample"]
        subprocess.run(demo, check=True, stdout=subprocess.DEVNULL, env=environment())
        server = Server(folder)
        browser = Browser(server.url)
        steps = [
            ("the first sign-in", lambda: first_sign_in(browser, server)),
            ("a source is set up", lambda: set_source_up(browser, folder / "sample" / "sample-company.db")),
            ("a run is watched, cancelled, done", lambda: synchronise(browser)),
            ("things are set", lambda: set_things(browser)),
            ("last digits are turned on", lambda: choose_last_digits(browser)),
            ("a run is rolled back", lambda: roll_back(browser)),
            ("with keys only", lambda: with_keys_only(browser)),
        ]
        try:
            for name, step in steps:
                step()
                print(f"ok  {name} ({time.monotonic() - begin:.0f} s)", flush=True)
        except BaseException:
            browser.picture("failed")
            raise
        finally:
            browser.driver.quit()
            server.end()


if __name__ == "__main__":
    main()
