// What is pasted into the rows of a form from a spreadsheet, read as the fields of the cells want it.

const TICKED = /^(x|✓|1|ja|yes|true|wahr)$/i;
const UNTICKED = /^(-|–|0|nein|no|false|falsch)$/i;

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
  return rows.map((cells) => cells.map((cell) => cell.trim()));
}

// 09.03.2027 and 2027-03-09, with or without a time after it; 3/9/2027 is not guessed. Returns [day, time of day].
function readDayAndTime(text) {
  const [, day, month, year, ...german] = text.match(/^(\d{1,2})\.(\d{1,2})\.(\d{4})(?:[ ,T]+(\d{1,2}:\d{2})(?::\d{2})?)?$/) ?? [];
  if (year) return [`${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`, german[0] ?? ""];
  const [, iso, time] = text.match(/^(\d{4}-\d{2}-\d{2})(?:[ T]+(\d{1,2}:\d{2})(?::\d{2})?)?$/) ?? [];
  return [iso ?? "", time ?? ""];
}

const HOURS = "(?:h|hrs?|hours?|std|stunden?)\\.?";
const MINUTES = "(?:m|min|mins|minutes?|minuten|['′])\\.?";
const DURATIONS = [
  `(?<minutes>\\d+)(?:\\s*${MINUTES})?`, // 90, 90 min
  `(?<hours>\\d+(?:[.,]\\d\\d?)?)\\s*${HOURS}`, // 2 h, 1,5 Std.
  `(?<hours>\\d+):(?<minutes>[0-5]\\d)(?::00)?(?:\\s*${HOURS})?`, // 1:30
  `(?<hours>\\d+)\\s*${HOURS}\\s*(?:(?:and|und)\\s*)?(?<minutes>[0-5]?\\d)(?:\\s*${MINUTES})?`, // 1h30, 1 Std. 30 Min.
].map((form) => new RegExp(`^${form}$`, "i"));

// A duration as whole minutes; a number alone is minutes. Null for anything else: a part of a text is never taken for it.
function readMinutes(text) {
  const { hours = "0", minutes = "0" } = DURATIONS.map((form) => text.match(form)).find(Boolean)?.groups ?? { minutes: "?" };
  const read = Math.round(6000 * Number(hours.replace(",", "."))) / 100 + Number(minutes);
  return Number.isInteger(read) ? String(read) : null;
}

// 2, and 2. as in an order.
function readNumber(text) {
  return text.match(/^(\d+)\.?$/)?.[1] ?? null;
}

// By the words that the reader sees, by their beginning, or by the name in the contract: GROUP_STAFF is staff.
function choose(select, text) {
  const wanted = text.toLowerCase();
  const options = [...select.options].filter(({ value }) => value);
  const begins = options.filter(({ label }) => label.toLowerCase().startsWith(wanted));
  return (
    options.find(({ label, value }) => [label.toLowerCase(), value.toLowerCase()].includes(wanted)) ??
    options.find(({ value }) => value.toLowerCase().endsWith(`_${wanted}`) || value === readDayAndTime(text)[0]) ??
    (begins.length === 1 ? begins[0] : undefined)
  );
}

// What a text means to a field; null where that is not understood.
function understand(field, text) {
  if (text === "") return "";
  if (field.type === "checkbox") return TICKED.test(text) ? "on" : UNTICKED.test(text) ? "" : null;
  if (field.tagName === "SELECT") return choose(field, text)?.value ?? null;
  const read = { minutes: readMinutes, number: readNumber }[field.dataset.holds];
  return read ? read(text) : text;
}

// Puts a text into a field, and returns whether it was understood. What was not stays as it is, is marked, and is refused when
// it is saved.
function put(field, text) {
  const value = understand(field, text);
  setText(field, value ?? text, value === null);
  return value !== null;
}

// What a field holds. A box to tick holds what was not understood in the field before it, which counts while it is not ticked.
function getText(field) {
  if (field.type !== "checkbox") return field.value;
  return field.checked ? "on" : field.previousElementSibling.value;
}

function setText(field, text, isMarked) {
  if (field.type === "checkbox") {
    field.checked = text === "on";
    field.previousElementSibling.value = field.checked ? "" : text;
    field.parentElement.dataset.unread = field.previousElementSibling.value;
  } else {
    const isOffered = field.tagName !== "SELECT" || [...field.options].some(({ value }) => value === text);
    if (!isOffered) field.add(new Option(text, text));
    field.value = text;
  }
  field.removeAttribute("aria-invalid");
  if (isMarked) field.setAttribute("aria-invalid", "true");
  field.title = isMarked ? text : "";
}
