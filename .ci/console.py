"""The console as somebody uses it, in a real browser: from the first start to a call that is tried, with harm meant on
the way, with keys only, and with axe on every page.

console.py PROGRAM SQL_SERVER AXE [FOLDER FOR PICTURES]
"""

import re
import tempfile
import time
from pathlib import Path

import keyboard
from browser import HOSTILE, Browser, Server, SqlServer
from selenium.webdriver.common.by import By

PASSWORD = "correct horse battery"


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


def set_source_up(browser, sql_server):
    """The reference document's own way, with mistakes: a wrong password, a filter that is none."""
    browser.open("/sources")
    browser.press("Add a source")
    browser.fill("name", "crm")
    sql = "connection.sql_server"
    browser.fill(f"{sql}.host", "127.0.0.1")
    for field in ["port", "database", "user"]:
        browser.fill(f"{sql}.{field}", getattr(sql_server, field))
    browser.unfold("Certificates and time-outs")
    browser.fill(f"{sql}.ca_file", str(sql_server.ca_file))
    browser.fill(f"{sql}.password", "not this one")
    browser.press("Test")
    browser.until("that nobody is let in", lambda: "ringroute" in browser.text(".banner.bad, .error"))
    browser.check("source-not-let-in")
    assert browser.find('[name="name"]').get_attribute("value") == "crm", "what was typed is gone"
    assert "not this one" not in browser.driver.page_source, "a password came back"
    browser.fill(f"{sql}.password", sql_server.password)
    browser.press("Test")
    browser.until("the tables found", lambda: "Reached" in browser.text("#tested"))
    columns = {
        "key": "id",
        "first_name": "first_name",
        "last_name": "last_name",
        "company": "company",
        "email": "email",
        "business_number": "phone",
        "mobile_number": "mobile",
    }
    for field, column in columns.items():
        browser.fill(f"field_map.{field}", column)
    browser.click(browser.find("#phonebook-by_property"))
    browser.fill("phonebook.by_property.column", "belongto")
    browser.fill("sync_filter", "select ${MAP} form testpbx.contacts")
    browser.press("Save")
    browser.until("the error under the word", lambda: "^" in browser.text(".error"))
    browser.check("source-with-an-error")
    browser.fill("sync_filter", "select ${MAP} from testpbx.contacts order by id")
    browser.press("Save and preview")
    browser.until("the preview", lambda: "Sync Now, exactly this" in browser.text())
    browser.check("preview")
    assert sql_server.password not in browser.driver.page_source, "a password came back"


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
    # A route goes somewhere already, and must be able to go on.
    browser.open("/settings/destinations")
    browser.press("List what routes go to")
    browser.until("the list", lambda: "6400" in browser.text())
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


def make_a_route(browser):
    browser.open("/routes")
    browser.check("no-routes")
    browser.press("Add a route")
    browser.fill("name", "Sales")
    browser.choose("phonebooks", "Sales")
    browser.fill("destination.target", "")
    browser.press("Save")
    browser.until("what is missing", lambda: browser.driver.find_elements(By.CSS_SELECTOR, ".error"))
    browser.check("route-with-an-error")
    browser.fill("destination.target", "6400")
    browser.press("Save")
    browser.until("the route", lambda: browser.path.startswith("/routes") and "6400" in browser.text())
    browser.check("routes")
    browser.press("Sales")
    browser.until("the editor", lambda: browser.path == "/routes/Sales")
    browser.check("route")


def try_a_call(browser):
    browser.open("/try")
    browser.fill("caller", "+44 (0)20 7946 0018")
    browser.fill("did", "+49 30 23125000")
    browser.press("Try it")
    browser.until("who it is", lambda: "Ada Lovelace" in browser.text())
    told = browser.text()
    assert "Sales" in told and "6400" in told, told
    browser.check("try")
    browser.fill("caller", "+49 171 9999999")
    browser.press("Try it")
    browser.until("that nobody is it", lambda: "Ada Lovelace" not in browser.text())
    assert "6400" not in browser.text(), browser.text()
    browser.open("/decisions")
    browser.check("decisions")


def meet_harm(browser):
    """A contact whose every field is markup, from the database and by hand: it is text, wherever it is shown."""

    def is_text(path, name):
        browser.open(path)
        browser.until(f"the text on {path}", lambda: HOSTILE in browser.text())
        made = browser.driver.execute_script("return document.querySelectorAll('img').length")
        assert made == 0 and browser.driver.title != "harm", f"{path} runs what a contact says"
        browser.check(name)

    is_text("/contacts?query=5550199", "harm-in-the-list")
    found = browser.find('[data-results] a[href^="/contacts/"]').get_attribute("href")
    is_text(found.removeprefix(browser.url), "harm-in-a-contact")
    is_text("/try?caller=%2B49305550199&did=1", "harm-in-a-call")

    browser.open("/phonebooks")
    browser.check("phonebooks")
    browser.fill("name", HOSTILE[:60])
    browser.press("Make it")
    browser.until("the phonebook", lambda: "is there, and empty" in browser.text())
    browser.press("Add a contact")
    browser.until("the form", lambda: browser.path.startswith("/contacts/new"))
    for field in ["first_name", "last_name", "company", "email", "remark", "street", "city"]:
        browser.fill(field, HOSTILE)
    browser.fill("business_number", "+49 30 5550198")
    browser.check("contact-new")
    browser.press("Save")
    browser.until("the contact", lambda: re.fullmatch(r"/contacts/\d+", browser.path))
    contact = browser.path
    is_text(contact, "harm-by-hand")
    is_text("/contacts?query=5550198", "harm-by-hand-in-the-list")
    browser.open(f"{contact}/edit")
    assert browser.find('[name="company"]').get_attribute("value") == HOSTILE
    browser.check("contact-edit")


def let_people_in(browser):
    browser.open("/settings/users")
    browser.fill("name", "grace")
    browser.choose("role", "operator")
    browser.press("Add")
    browser.until("the password", lambda: "Keep it now" in browser.text())
    password = browser.find("#password").get_attribute("value")
    browser.check("user-added")
    browser.press("I have it")
    browser.until("the users", lambda: "grace" in browser.text())
    assert password not in browser.driver.page_source
    browser.check("users")
    browser.press("grace")
    browser.check("user")
    browser.open("/settings/users/ada")
    browser.unfold("Delete the user")
    browser.press("Delete")
    browser.until("that it is the last", lambda: "only administrator" in browser.text())
    browser.check("user-with-an-error")

    browser.open("/settings/tokens")
    browser.fill("name", "Kamailio")
    browser.press("Make it")
    browser.until("the token", lambda: "Keep it now" in browser.text())
    token = browser.find("#secret").get_attribute("value")
    assert token.startswith("rr_")
    browser.check("token-made")
    browser.press("I have it")
    browser.until("the tokens", lambda: "Kamailio" in browser.text())
    assert token not in browser.driver.page_source
    browser.check("tokens")
    browser.unfold("Revoke")
    browser.press("Revoke it")
    browser.until("that it is gone", lambda: "No token yet" in browser.text())


def look_after_it(browser, folder):
    browser.open("/settings/mail")
    browser.check("mail")
    browser.fill("address", "ops@example.com")
    browser.press("Send a test")
    browser.until("what to do", lambda: "What to do" in browser.text())
    browser.check("mail-with-an-error")

    browser.open("/settings/audit")
    browser.until("what was done", lambda: 'user "grace"' in browser.text())
    browser.check("audit")
    browser.fill("what", "inbound_route")
    browser.press("Show")
    browser.until("only that", lambda: 'user "grace"' not in browser.text() and "Sales" in browser.text())

    browser.open("/settings/export")
    browser.check("export")
    document = folder / "settings.toml"
    document.write_text("this is no document")
    browser.find('[name="file"]').send_keys(str(document))
    browser.press("Show what would change")
    browser.until("that it is none", lambda: browser.text(".error"))
    browser.check("import-with-an-error")
    ours = browser.fetched("/settings/export/settings.toml")
    assert SqlServer.password not in ours, "a password was exported"
    document.write_text(ours.replace('"6400"', '"6500"'))
    browser.find('[name="file"]').send_keys(str(document))
    browser.press("Show what would change")
    browser.until("what would change", lambda: "6500" in browser.text("table"))
    browser.check("import")
    browser.open("/routes/Sales")
    assert browser.find('[name="destination.target"]').get_attribute("value") == "6400"


def roll_back(browser):
    browser.open("/sync-runs")
    browser.driver.find_elements(By.CSS_SELECTOR, "tbody a")[0].click()
    browser.press("Roll back…")
    browser.until("what it would do", lambda: "Runs taken back" in browser.text())
    browser.check("roll-back")
    browser.press("Roll back")
    browser.until("the rollback", lambda: "Rollback" in browser.text("h1") and "Succeeded" in browser.text())
    browser.open("/")
    # The one that was made by hand stays.
    browser.until("no contacts of the source", lambda: re.search(r"Contacts\n1\n", browser.text()))


def with_keys_only(browser, sql_server):
    browser.driver.delete_all_cookies()
    browser.open("/sign-in")
    browser.check("sign-in")
    keyboard.everything(browser, sql_server, "ada", PASSWORD)


# Something that is there, for pages that are about one thing.
EXAMPLES = {
    "/sources/{name}": "/sources/crm",
    "/sources/{name}/edit": "/sources/crm/edit",
    "/sync-runs/{id}": "/sync-runs/2",
    "/sync-runs/{id}/changes": "/sync-runs/2/changes",
    "/sync-runs/{id}/problems": "/sync-runs/2/problems",
    "/sync-runs/{id}/roll-back": "/sync-runs/2/roll-back",
    "/phonebooks/{name}": "/phonebooks/Sales",
    "/phonebooks/{name}/import": "/phonebooks/Mine/import",
    "/contacts/{id}": "/contacts/1",
    "/routes/{name}": "/routes/Sales",
    "/settings/trunks/{name}": "/settings/trunks/hamburg",
    "/settings/destinations/{name}": "/settings/destinations/ring_group%206310",
    "/settings/hours/{name}": "/settings/hours/holidays",
    "/settings/extensions/{name}": "/settings/extensions/1001",
    "/settings/grants/{name}": "/settings/grants/Sales%20for%20Berlin",
    "/settings/users/{name}": "/settings/users/ada",
}

# Files and parts of pages; and those that were looked at where they belong to a way.
NO_PAGES = re.compile(r"^/assets|^/sign-in$|/progress$|\.\w+$|^/first-sign-in$|^/contacts/\{id\}/edit$|^/settings/import$")


def look_at_every_page(browser):
    """Whatever has a route and was not looked at yet."""
    browser.open("/phonebooks")
    browser.fill("name", "Mine")
    browser.press("Make it")
    # Whoever goes on at once may be gone before it was asked for.
    browser.until("the phonebook is made", lambda: "is there, and empty" in browser.text())
    table = (Path(__file__).resolve().parent.parent / "src/console/pages.rs").read_text()
    for path in re.findall(r'Entry::page\(\s*"([^"]+)"', table):
        if NO_PAGES.search(path):
            continue
        assert "{" not in path or path in EXAMPLES, f"say in EXAMPLES which {path} is to be looked at"
        path = EXAMPLES.get(path, path)
        if path in browser.checked:
            continue
        browser.open(path)
        assert "There is nothing here" not in browser.text(), path
        browser.check(path.strip("/").replace("/", "-") or "overview")


def main():
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sql_server = SqlServer(folder)
        server = Server(folder)
        browser = Browser(server.url)
        steps = [
            ("the first sign-in", lambda: first_sign_in(browser, server)),
            ("a SQL Server is set up as a source", lambda: set_source_up(browser, sql_server)),
            ("a run is watched, cancelled, done", lambda: synchronise(browser)),
            ("a route is made", lambda: make_a_route(browser)),
            ("a call is tried", lambda: try_a_call(browser)),
            ("contacts that mean harm", lambda: meet_harm(browser)),
            ("users and tokens", lambda: let_people_in(browser)),
            ("mail, audit, export and import", lambda: look_after_it(browser, folder)),
            ("things are set", lambda: set_things(browser)),
            ("last digits are turned on", lambda: choose_last_digits(browser)),
            ("every page", lambda: look_at_every_page(browser)),
            ("a run is rolled back", lambda: roll_back(browser)),
            ("everything again, with keys only", lambda: with_keys_only(browser, sql_server)),
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
            sql_server.end()


if __name__ == "__main__":
    main()
