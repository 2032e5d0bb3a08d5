// Rows of a form that are pasted from a spreadsheet: cells fill the fields from where they are pasted on, and rows that
// are missing are added. Without it, the rows are typed in.

const MOST_ROWS = 100;
const TICKED = /^(x|✓|1|ja|yes|true|wahr)$/i;

function listFields(row) {
  return [...row.querySelectorAll("input:not([type=hidden]), select")];
}

function addRow(table) {
  const last = table.rows[table.rows.length - 1];
  const index = table.rows.length;
  if (index >= MOST_ROWS) return null;
  const row = last.cloneNode(true);
  const renumber = (text) => text.replace(/([.-])\d+([.-])/, `$1${index}$2`);
  for (const element of row.querySelectorAll("[name], [id], [for], [aria-label]")) {
    for (const name of ["name", "id", "for"]) {
      if (element.hasAttribute(name)) element.setAttribute(name, renumber(element.getAttribute(name)));
    }
    if (element.hasAttribute("aria-label")) {
      element.setAttribute("aria-label", element.getAttribute("aria-label").replace(/\d+/, String(index + 1)));
    }
  }
  for (const field of listFields(row)) {
    field.removeAttribute("aria-invalid");
    fill(field, "");
  }
  for (const complaint of row.querySelectorAll(".kern-error")) complaint.remove();
  table.append(row);
  return row;
}

// What spreadsheets of several languages show: 09.03.2027 19:00, 3/9/2027 19:00 is not guessed.
function readTime(text) {
  const [, day, month, year, hour, minute] = text.match(/^(\d{1,2})\.(\d{1,2})\.(\d{4})[ ,T]+(\d{1,2}):(\d{2})/) ?? [];
  if (!year) return text.replace(" ", "T").slice(0, 16);
  return `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}T${hour.padStart(2, "0")}:${minute}`;
}

// 90, 90 min, 1:30
function readMinutes(text) {
  const [, hours, minutes] = text.match(/^(\d{1,2}):(\d{2})(?::00)?$/) ?? [];
  return hours ? String(60 * Number(hours) + Number(minutes)) : (text.match(/^\d+/)?.[0] ?? text);
}

function choose(select, text) {
  const wanted = text.toLowerCase();
  // By the word that the reader sees, or by the name in the contract: GROUP_STAFF is staff.
  return [...select.options].find(
    ({ text: label, value }) => label.toLowerCase() === wanted || value.toLowerCase().endsWith(`_${wanted}`),
  );
}

// What cannot be read is marked, for nothing of it stays.
function fill(field, text) {
  put(field, text);
  const isLost = text !== "" && field.type !== "checkbox" && field.value === "";
  field.toggleAttribute("aria-invalid", false);
  if (isLost) field.setAttribute("aria-invalid", "true");
  field.title = isLost ? text : "";
}

function put(field, text) {
  if (field.type === "checkbox") {
    field.checked = TICKED.test(text);
  } else if (field.tagName === "SELECT") {
    field.value = choose(field, text)?.value ?? "";
  } else if (field.type === "datetime-local") {
    field.value = readTime(text);
  } else if (field.type === "number") {
    field.value = readMinutes(text);
  } else {
    field.value = text;
  }
}

// As spreadsheets copy: cells divided by tabs, rows by lines; a cell in quotes may hold lines.
function readCells(text) {
  const rows = [[""]];
  let quoted = false;
  for (const sign of text.replace(/\r\n?/g, "\n").replace(/\n$/, "")) {
    const row = rows[rows.length - 1];
    const cell = row[row.length - 1];
    if (sign === '"' && (quoted || cell === "")) quoted = !quoted;
    else if (sign === "\t" && !quoted) row.push("");
    else if (sign === "\n" && !quoted) rows.push([""]);
    else row[row.length - 1] = cell + (sign === "\n" ? " " : sign);
  }
  return rows;
}

function paste(event) {
  const field = event.target.closest("[data-rows] input, [data-rows] select");
  const text = event.clipboardData.getData("text/plain");
  if (!field || !/[\t\n]/.test(text.trimEnd())) return;
  event.preventDefault();
  const table = field.closest("[data-rows]");
  const first = [...table.rows].indexOf(field.closest("tr"));
  const from = listFields(table.rows[first]).indexOf(field);
  readCells(text).forEach((cells, offset) => {
    const row = table.rows[first + offset] ?? addRow(table);
    if (!row) return;
    const fields = listFields(row);
    cells.forEach((cell, place) => fields[from + place] && fill(fields[from + place], cell.trim()));
  });
}

document.addEventListener("paste", paste);
