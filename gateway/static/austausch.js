// What a page does beyond links and forms. Every task works without it.

// A refused form: its summary comes first, for eyes and screen readers alike.
document.getElementById("error-summary")?.focus();

// Who clicks twice means it once: the second request would be answered by what the first one left. A browser does not tell
// that sending was stopped: who clicks once more after a while means it.
const MEANT_ONCE = 10_000;

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if ("sent" in form.dataset) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "";
  setTimeout(() => delete form.dataset.sent, MEANT_ONCE);
});

// Back on a page that the browser kept, its forms can be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

// Back on a page, browsers bring back what was typed, but not into fields for which they are to suggest nothing. It is
// kept as long as the window is open. (In the history it could not be: a refused form would be asked for anew.)
const unsuggested = [...document.querySelectorAll('form.fields [autocomplete="off"]')];
const visited = `typed ${window.navigation?.currentEntry?.id}`;
const kept = sessionStorage.getItem(visited);

if (kept && performance.getEntriesByType("navigation")[0].type === "back_forward") {
  const typed = JSON.parse(kept);
  for (const field of unsuggested) field.value = typed[field.name] ?? field.value;
}

window.addEventListener("pagehide", () => {
  if (!window.navigation || !unsuggested.length) return;
  const typed = Object.fromEntries(unsuggested.map((field) => [field.name, field.value]));
  sessionStorage.setItem(visited, JSON.stringify(typed));
});

// Beside a day, its weekday in the page's language.
function showWeekday(input) {
  const label = document.querySelector(`label[for="${CSS.escape(input.id)}"]`);
  if (!label) return;
  let output = label.querySelector("output");
  if (!output) {
    output = document.createElement("output");
    output.className = "weekday";
    label.append(" ", output);
  }
  const day = new Date(input.value);
  const named = new Intl.DateTimeFormat(document.documentElement.lang, { weekday: "long" });
  output.textContent = Number.isNaN(day.getTime()) ? "" : `(${named.format(day)})`;
}

for (const input of document.querySelectorAll("input[data-weekday]")) {
  showWeekday(input);
  input.addEventListener("input", () => showWeekday(input));
}

// That the session has ended is told where the part of the page would stand; the page stays, with what was typed.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.xhr.status === 401) {
    detail.shouldSwap = true;
    detail.isError = false;
  }
});

