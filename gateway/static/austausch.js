// What a page does beyond links and forms. Every task works without it.

// A refused form: its summary comes first, for eyes and screen readers alike.
document.getElementById("error-summary")?.focus();

// Who clicks twice means it once: the second request would be answered by what the first one left.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if ("sent" in form.dataset) event.preventDefault();
  form.dataset.sent = "";
});

// Back on a page that the browser kept, its forms can be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
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

