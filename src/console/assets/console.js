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
