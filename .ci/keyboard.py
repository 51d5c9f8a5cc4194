"""The console with nothing but keys: real ones, which go wherever the focus is.

At every stop it must be seen what has the focus, and it must not be hidden behind something else; and whoever goes on is
never kept: each page has a way around, forwards and backwards.
"""

import re

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

# More stops than any page has that is looked at here.
MOST = 250

# What has the focus: how it is called, whether it is marked, and whether any part of it can be seen.
STOP = """
const element = document.activeElement;
if (!element || element === document.body || element === document.documentElement) return null;
const style = getComputedStyle(element);
const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
const box = element.getBoundingClientRect();
const [left, right] = [Math.max(box.left, 0), Math.min(box.right, innerWidth)];
const [top, bottom] = [Math.max(box.top, 0), Math.min(box.bottom, innerHeight)];
const shares = [0.1, 0.5, 0.9];
const isSeen = right > left && bottom > top && shares.some((across) => shares.some((down) => {
  const there = document.elementFromPoint(left + (right - left) * across, top + (bottom - top) * down);
  return there && (element.contains(there) || there.contains(element));
}));
return {
  element, isSeen,
  isMarked: outlined || style.boxShadow !== "none",
  tag: element.tagName, type: element.type || "", name: element.name || "", value: element.value || "",
  label: element.getAttribute("aria-label") || element.innerText || "",
  html: element.outerHTML.slice(0, 200),
};
"""

# Everything that has to be reached: one of the boxes of a choice is enough.
REACHABLE = """
const kinds = 'a[href], button, input:not([type="hidden"]), select, textarea, summary, [tabindex="0"]';
const there = [...document.querySelectorAll(kinds)].filter((element) =>
  element.checkVisibility({ visibilityProperty: true }) && !element.matches(":disabled") && element.tabIndex >= 0);
const choices = new Set(there.filter((element) => element.type === "radio").map((element) => element.name));
return there.filter((element) => element.type !== "radio").length + choices.size;
"""


class Keyboard:
    def __init__(self, browser):
        self.browser, self.driver = browser, browser.driver
        self.stop = None

    def press(self, *keys):
        ActionChains(self.driver).send_keys(*keys).perform()

    def held(self, held, key):
        ActionChains(self.driver).key_down(held).send_keys(key).key_up(held).perform()

    def tab(self, backwards=False):
        """Goes to the next stop; None behind the last one, where a browser has its own."""
        before = self.stop
        self.held(Keys.SHIFT, Keys.TAB) if backwards else self.press(Keys.TAB)
        self.stop = self.driver.execute_script(STOP)
        if self.stop is None:
            return None
        # Days and times have stops within themselves, which the browser marks.
        if self.stop["type"] not in ("date", "time"):
            is_same = before is not None and before["element"] == self.stop["element"]
            assert not is_same, f"the focus stays on {self.stop['html']}"
            assert self.stop["isMarked"], f"nobody sees that {self.stop['html']} has the focus on {self.browser.path}"
        assert self.stop["isSeen"], f"{self.stop['html']} has the focus and is hidden on {self.browser.path}"
        return self.stop

    def is_at(self, wanted, value=None):
        stop = self.stop
        if stop is None or value not in (None, stop["value"]):
            return False
        return wanted in (stop["name"], " ".join(stop["label"].split()))

    def to(self, wanted, value=None):
        """Goes on to what has this name, or this on it; and this value."""
        passed = 0
        for _ in range(MOST):
            self.tab()
            if self.is_at(wanted, value):
                return
            # Twice behind the last one: everything was passed.
            passed += self.stop is None
            if passed == 2:
                break
        raise AssertionError(f"{wanted!r} is not reached by keys on {self.browser.path}")

    def enter(self, wanted, value=None):
        """Presses a button or follows a link."""
        self.to(wanted, value)
        self.press(Keys.ENTER)
        self.stop = None

    def fill(self, name, text):
        self.to(name)
        self.held(Keys.CONTROL, "a")
        self.press(text or Keys.DELETE)

    def choose(self, name, value):
        """One of several choices, or an option of a list: arrows go from one to the next."""
        self.to(name)
        for _ in range(MOST):
            if self.driver.execute_script(STOP)["value"] == value:
                return
            self.press(Keys.ARROW_DOWN)
        raise AssertionError(f"arrows do not come to {value!r} of {name!r} on {self.browser.path}")

    def tick(self, name, value):
        self.to(name, value)
        self.press(Keys.SPACE)
        is_ticked = self.driver.execute_script("return document.activeElement.checked")
        assert is_ticked, f"{self.stop['html']} is not ticked by the space bar"

    def go_around(self):
        """Through the whole page and back: every stop once, none keeps the focus, none is left out."""
        reachable = self.driver.execute_script(REACHABLE)
        # To the end first. Behind it a browser may have stops of its own.
        for _ in range(MOST):
            if self.tab() is None:
                break
        for backwards in (False, True):
            passed = []
            for _ in range(MOST):
                stop = self.tab(backwards)
                if stop is None and not passed:
                    continue
                # Behind the last stop, or at the first one again.
                if stop is None or stop["element"] in passed[:1] and len(passed) > 1:
                    break
                if passed[-1:] != [stop["element"]]:
                    assert stop["element"] not in passed, f"the focus goes in circles at {stop['html']}"
                    passed.append(stop["element"])
            else:
                raise AssertionError(f"there is no end to {self.browser.path}")
            path = self.browser.path
            assert len(passed) == reachable, f"{len(passed)} of {reachable} are reached by keys on {path}"

    def until(self, what, condition):
        self.browser.until(what, condition)
        # Another page: the focus is at its beginning.
        self.stop = None


def sign_in(keys, name, password):
    browser = keys.browser
    browser.driver.delete_all_cookies()
    browser.open("/sources")
    keys.until("the sign-in", lambda: browser.path.startswith("/sign-in"))
    # Typing begins in the first field.
    keys.press(name, Keys.TAB, password, Keys.ENTER)
    keys.until("where one was going", lambda: browser.path == "/sources")
    assert keys.tab()["label"] == "Skip to the content", keys.stop
    keys.press(Keys.ENTER)
    keys.go_around()


def set_source_up(keys, sql_server):
    browser = keys.browser
    keys.enter("Add a source")
    keys.until("the form", lambda: browser.path == "/sources/new")
    keys.go_around()
    sql = "connection.sql_server"
    keys.fill("name", "keys")
    # There and back: what belongs to a choice comes and goes with it.
    keys.choose("connection", "csv")
    keys.to("connection.csv.path")
    keys.choose("connection", "sql_server")
    keys.fill(f"{sql}.host", "127.0.0.1")
    for field in ["port", "database", "user", "password"]:
        keys.fill(f"{sql}.{field}", getattr(sql_server, field))
    keys.enter("Certificates and time-outs")
    keys.fill(f"{sql}.ca_file", str(sql_server.ca_file))
    keys.enter("Test")
    keys.until("the tables found", lambda: "Reached" in browser.text("#tested"))
    columns = {
        "key": "id",
        "first_name": "first_name",
        "last_name": "last_name",
        "company": "company",
        "business_number": "phone",
    }
    for field, column in columns.items():
        keys.fill(f"field_map.{field}", column)
    keys.choose("phonebook", "new")
    keys.fill("phonebook.new.name", "By keys")
    keys.fill("sync_filter", "select ${MAP} from testpbx.contacts where id between 1 and 12 order by id")
    keys.enter("Save and preview")
    keys.until("the preview", lambda: "Sync Now, exactly this" in browser.text())
    keys.go_around()


def synchronise(keys):
    browser = keys.browser
    keys.enter("Sync Now, exactly this")
    done = "contacts have been successfully synchronized from keys."
    # The page of a run that has ended, to which the one with the bar turns by itself.
    keys.until("the banner", lambda: done in browser.text() and "Roll back…" in browser.text())
    keys.go_around()


def make_and_move_a_route(keys):
    browser = keys.browser
    keys.enter("Inbound routes")
    keys.until("the routes", lambda: browser.path == "/routes")
    keys.enter("Add a route")
    keys.until("the form", lambda: browser.path == "/new-route")
    keys.go_around()
    keys.fill("name", "Keys")
    keys.tick("phonebooks", "By keys")
    keys.choose("destination.type", "ring_group")
    keys.fill("destination.target", "6310")
    keys.enter("Save")
    keys.until("the route", lambda: browser.path.startswith("/routes") and "Keys" in browser.text())
    keys.go_around()

    def order():
        return [found.text for found in browser.driver.find_elements("css selector", "[data-order] h2 a")]

    before = order()
    assert before.index("Keys") > 0, before
    keys.enter("Move up Keys")
    keys.until("the new order", lambda: order() != before)
    assert order().index("Keys") == before.index("Keys") - 1, order()
    # Going on from where it is now, not from the beginning of the page.
    assert keys.tab()["label"] == "Keys", keys.stop


def try_a_call(keys):
    browser = keys.browser
    keys.enter("Try a call")
    keys.until("the form", lambda: browser.path == "/try")
    keys.fill("caller", "+44 (0)20 7946 0018")
    keys.fill("did", "+49 30 23125000")
    keys.press(Keys.ENTER)
    keys.until("who it is", lambda: "Ada Lovelace" in browser.text())
    assert "Ring group 6310" in browser.text(), browser.text()
    keys.go_around()


def roll_back(keys):
    browser = keys.browser
    keys.enter("Sync runs")
    keys.until("the runs", lambda: browser.path == "/sync-runs")
    keys.go_around()
    run = browser.driver.find_elements("css selector", "tbody a")[0].text
    assert run.startswith("Sync "), run
    keys.enter(run)
    keys.until("the run", lambda: browser.text("h1") == run)
    keys.enter("Roll back…")
    keys.until("what it would do", lambda: "Runs taken back" in browser.text())
    keys.go_around()
    keys.enter("Roll back")
    keys.until("the rollback", lambda: "Rollback" in browser.text("h1") and "Succeeded" in browser.text())


def add_and_find_a_contact(keys):
    browser = keys.browser
    keys.enter("Phonebooks")
    keys.until("the phonebooks", lambda: browser.path == "/phonebooks")
    keys.enter("Mine")
    keys.until("the phonebook", lambda: browser.path == "/phonebooks/Mine")
    keys.enter("Add a contact")
    keys.until("the form", lambda: browser.path.startswith("/contacts/new"))
    keys.go_around()
    keys.fill("first_name", "Kay")
    keys.fill("last_name", "Board")
    keys.fill("business_number", "+49 30 5550177")
    keys.enter("Save")
    keys.until("the contact", lambda: re.fullmatch(r"/contacts/\d+", browser.path))
    keys.go_around()

    keys.enter("Phonebooks")
    keys.until("the phonebooks", lambda: browser.path == "/phonebooks")
    keys.enter("Search all contacts")
    keys.until("the search", lambda: browser.path == "/contacts")
    keys.fill("query", "5550177")
    browser.until("what is found while one types", lambda: browser.text("[data-results]").count("\n") < 5)
    keys.enter("Kay Board")
    keys.until("the contact", lambda: browser.text("h1") == "Kay Board")


def set_things(keys):
    browser = keys.browser

    def settings(part):
        keys.enter("Settings")
        keys.until("the settings", lambda: browser.path == "/settings")
        keys.enter(part)
        keys.until(part, lambda: browser.path != "/settings")

    settings("Trunks")
    keys.enter("Add a trunk")
    keys.until("the form", lambda: browser.path == "/settings/new-trunk")
    keys.go_around()
    keys.fill("name", "keys")
    keys.enter("Save")
    keys.until("the trunk", lambda: 'The trunk "keys" is there' in browser.text(".banners"))

    settings("Tokens")
    keys.go_around()
    keys.fill("name", "Keys")
    keys.choose("role", "viewer")
    keys.enter("Make it")
    keys.until("the token", lambda: "Keep it now" in browser.text())
    keys.go_around()
    keys.enter("I have it")
    keys.until("the tokens", lambda: "Keys" in browser.text("table"))

    settings("Mail and webhooks")
    keys.go_around()
    keys.fill("address", "ops@example.com")
    keys.enter("Send a test")
    keys.until("what to do", lambda: "What to do" in browser.text())


def sign_out(keys):
    keys.enter("Sign out")
    keys.until("the sign-in", lambda: keys.browser.path == "/sign-in")


def everything(browser, sql_server, name, password):
    keys = Keyboard(browser)
    sign_in(keys, name, password)
    set_source_up(keys, sql_server)
    synchronise(keys)
    make_and_move_a_route(keys)
    try_a_call(keys)
    roll_back(keys)
    add_and_find_a_contact(keys)
    set_things(keys)
    sign_out(keys)
