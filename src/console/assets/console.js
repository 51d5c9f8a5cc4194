// What a page can do without, and is nicer with. No page needs it.
"use strict";

// Times in the browser's own time zone.
for (const time of document.querySelectorAll("time[datetime]")) {
  const moment = new Date(time.dateTime);
  if (Number.isNaN(moment.valueOf())) continue;
  const text = moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  if (time.classList.contains("full")) time.textContent = text;
  else time.title = text;
}

// The first wrong field is where typing goes on.
const wrong = document.querySelector("[aria-invalid=true]");
if (wrong && !document.activeElement?.matches("input, textarea, select")) wrong.focus({ preventScroll: true });

// A form that is under way is not sent twice.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "yes";
  // A page that comes back from the browser's memory can be sent again.
  addEventListener("pageshow", () => delete form.dataset.sent, { once: true });
});

// A part of the page that the server tells anew: the address is of its own origin, and what it sends is
// escaped there like everything else.
for (const live of document.querySelectorAll("[data-live]")) {
  const source = new EventSource(live.dataset.live);
  source.addEventListener("part", (event) => { live.innerHTML = event.data; });
  source.addEventListener("end", () => { source.close(); location.reload(); });
  addEventListener("pagehide", () => source.close());
}

// Routes are dragged by their handles; the buttons beside them do the same. What is dragged stays, so that the
// pointer keeps it, and the others are put before or behind it.
for (const list of document.querySelectorAll("[data-order]")) {
  const before = [...list.children];
  const middle = (item) => { const box = item.getBoundingClientRect(); return box.top + box.height / 2; };
  for (const item of before) {
    const handle = item.querySelector(".handle");
    if (!handle) continue;
    let dragged = false;
    const letGo = () => { dragged = false; item.classList.remove("dragged"); };
    handle.hidden = false;
    handle.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      handle.setPointerCapture(event.pointerId);
      dragged = true;
      item.classList.add("dragged");
    });
    handle.addEventListener("pointermove", (event) => {
      if (!dragged) return;
      const [previous, next] = [item.previousElementSibling, item.nextElementSibling];
      if (previous && event.clientY < middle(previous)) item.after(previous);
      else if (next && event.clientY > middle(next)) item.before(next);
    });
    handle.addEventListener("pointerup", () => {
      if (!dragged) return;
      letGo();
      const position = [...list.children].indexOf(item);
      if (position === before.indexOf(item)) return;
      const form = item.querySelector("form");
      form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "position", value: position + 1 }));
      form.requestSubmit();
    });
    // Not to be: everything is as it was.
    handle.addEventListener("pointercancel", () => { letGo(); list.append(...before); });
  }
}

// Results while one types. An answer that comes after a later one is dropped.
for (const form of document.querySelectorAll("form[data-search]")) {
  const results = document.querySelector("[data-results]");
  const query = form.querySelector("input[type=search]");
  if (!results || !query) continue;
  let waiting, asked;
  query.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      asked?.abort();
      asked = new AbortController();
      const address = new URL(form.action);
      address.search = new URLSearchParams(new FormData(form)).toString();
      try {
        const answer = await fetch(address, { signal: asked.signal });
        // Signed out, or refused: the page says so when the form is sent.
        if (!answer.ok || answer.redirected) return;
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const found = page.querySelector("[data-results]");
        if (!found) return;
        results.replaceChildren(...found.childNodes);
        for (const link of document.querySelectorAll("[data-export]")) {
          const there = page.querySelector(`[data-export="${link.dataset.export}"]`);
          if (there) link.href = there.href;
        }
        history.replaceState(null, "", address);
      } catch (error) {
        if (error.name !== "AbortError") throw error;
      }
    }, 150);
  });
}
