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
