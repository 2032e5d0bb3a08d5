// What is pasted into the rows of a form from a spreadsheet, read as the fields of the cells want it.

const TICKED = /^(x|✓|1|ja|yes|true|wahr)$/i;

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

// 90, 90 min, 1:30
function readMinutes(text) {
  const [, hours, minutes] = text.match(/^(\d{1,2}):(\d{2})(?::00)?$/) ?? [];
  return hours ? String(60 * Number(hours) + Number(minutes)) : (text.match(/^\d+/)?.[0] ?? text);
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

// Puts a text into a field. What a choice does not offer is marked, for nothing of it stays.
function put(field, text) {
  if (field.type === "checkbox") field.checked = TICKED.test(text);
  else if (field.tagName === "SELECT") field.value = (text && choose(field, text)?.value) || "";
  else if (field.dataset.holds === "number") field.value = readMinutes(text);
  else field.value = text;
  const isLost = text !== "" && field.type !== "checkbox" && field.value === "";
  field.toggleAttribute("aria-invalid", false);
  if (isLost) field.setAttribute("aria-invalid", "true");
  field.title = isLost ? text : "";
  return !isLost;
}
