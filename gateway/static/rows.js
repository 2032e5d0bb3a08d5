// A table of rows as in a spreadsheet: the keys lead from cell to cell, a block that is pasted fills the cells from where it
// is pasted on, several rows are filled at once. Without it, the rows are typed in and the buttons are answered by pages.

const ROWS_ADDED = 10;

const table = document.querySelector("[data-rows]").parentElement;
const body = table.tBodies[0];
const form = table.closest("form");
const said = document.getElementById("rows-said");
const undoButton = document.getElementById("rows-undo");
// What blocks of cells held before they were pasted or filled, the last one first; and whether nothing was typed since.
const undoable = [];
let isUndoNext = false;
let isChanged = false;
// The column in which one began to go on by Tab: Enter leads to it in the next row.
let start = 0;
let isTabbing = false;

function listFields(row) {
  return [...row.querySelectorAll("td:not(.rows__remove) > :is(input:not([type=hidden]), select)")];
}

function tickOf(row) {
  return row.querySelector(".rows__number input[type=checkbox]");
}

function addRow() {
  const index = body.rows.length;
  if (index >= Number(table.dataset.most)) return null;
  const number = index + 1 + Number(table.dataset.before);
  const holder = document.createElement("tbody");
  const blank = document.getElementById("rows-blank").innerHTML;
  holder.innerHTML = blank.replaceAll("__index__", String(index)).replaceAll("__number__", String(number));
  return body.appendChild(holder.rows[0]);
}

// `notes`: what else there is to say.
function tell(what, notes = []) {
  said.textContent = [said.dataset[what], ...notes].join(" ");
  said.classList.toggle("rows__loss", notes.length > 0);
  undoButton.hidden = !undoable.length;
}

function hold(field) {
  return { field, text: getText(field), isMarked: field.getAttribute("aria-invalid") === "true" };
}

function release({ field, text, isMarked }) {
  setText(field, text, isMarked);
}

// Changes fields at once, so that it can be taken back at once. `puts`: [field, what to do to it].
function changeBlock(puts, what, notes = []) {
  undoable.push(puts.map(([field]) => hold(field)));
  const isTaken = puts.map(([field, change]) => change(field) !== false).every(Boolean);
  isUndoNext = isChanged = true;
  tell(isTaken ? what : "untaken", notes);
}

function undo() {
  for (const held of undoable.pop() ?? []) release(held);
  isUndoNext = undoable.length > 0;
  tell("undone");
}

function paste(event) {
  const field = event.target.closest("[data-rows] td > :is(input, select)");
  const text = event.clipboardData.getData("text/plain");
  // A single text is the browser's to paste, but into a choice, where it does nothing.
  if (!field || (field.type === "text" && !/[\t\n]/.test(text.trimEnd()))) return;
  event.preventDefault();
  const first = field.closest("tr").sectionRowIndex;
  const from = findColumn(field);
  const [puts, beyond, outside] = [[], [], []];
  const rows = readCells(text);
  const last = rows.findLastIndex((cells) => cells.some(Boolean));
  rows.forEach((cells, offset) => {
    const row = body.rows[first + offset] ?? (offset <= last ? addRow() : null);
    if (!row) {
      if (offset <= last) beyond.push(cells);
      return;
    }
    const fields = listFields(row);
    let place = from;
    for (const cell of cells) {
      const target = fields[place++];
      if (!target) {
        if (cell) outside.push(cell);
        continue;
      }
      puts.push([target, (each) => put(each, cell)]);
      // A cell that holds a day and a time is two here.
      const time = readDayAndTime(cell)[1];
      if (time && fields[place]?.dataset.holds === "time") puts.push([fields[place++], (each) => put(each, time)]);
    }
  });
  const names = beyond.map((cells) => cells.find(Boolean) ?? "…");
  changeBlock(puts, "pasted", [...noteLost("beyond", names), ...noteLost("outside", outside)]);
}

// Says how many rows or cells found no place, and which is the first of them; nothing where there are none.
function noteLost(what, texts) {
  const values = { count: texts.length, first: texts[0], most: table.dataset.most };
  return texts.length ? [said.dataset[what].replace(/%\((\w+)\)s/g, (_found, name) => values[name])] : [];
}

// Returns what writes into a field what another holds now.
function copyFrom(source) {
  const { text, isMarked } = hold(source);
  return (field) => void setText(field, text, isMarked);
}

function fillTicked(event) {
  const filling = listFields(table.tHead.rows[1]);
  const rows = [...body.rows].filter((row) => tickOf(row).checked);
  const filled = filling.filter((field) => (field.type === "checkbox" ? field.checked : field.value));
  // Without either, the page says what is missing.
  if (!rows.length || !filled.length) return;
  event.preventDefault();
  const used = (row) => row.hasAttribute("data-stored") || listFields(row).some((field) => field.type === "text" && field.value);
  const into = filled.flatMap((source) =>
    rows.filter(used).map((row) => [listFields(row)[filling.indexOf(source)], copyFrom(source)]),
  );
  changeBlock([...into, ...filled.map((field) => [field, clear])], "filled");
}

function clear(field) {
  setText(field, "", false);
}

// The field of a column, by default of the same one, in another row; below the last row there is always another.
function findBeside(field, step, column = findColumn(field)) {
  const next = body.rows[field.closest("tr").sectionRowIndex + step] ?? (step > 0 ? addRow() : null);
  return next && listFields(next)[column];
}

function findColumn(field) {
  return listFields(field.closest("tr")).indexOf(field);
}

function go(field, event) {
  if (!field) return;
  event.preventDefault();
  field.focus();
  if (field.type === "text") field.select();
}

function isAtEdge(field, step) {
  if (field.type === "checkbox") return true;
  if (field.selectionStart === 0 && field.selectionEnd === field.value.length) return true;
  return field.selectionStart === field.selectionEnd && field.selectionStart === (step < 0 ? 0 : field.value.length);
}

// Arrows choose in a choice, as everywhere.
function followArrow(field, event) {
  if (field.tagName === "SELECT" || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const forth = getComputedStyle(table).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
  if (event.key === "ArrowUp" || event.key === "ArrowDown") {
    go(findBeside(field, event.key === "ArrowDown" ? 1 : -1), event);
  } else {
    const step = event.key === forth ? 1 : -1;
    if (isAtEdge(field, step)) go(listFields(field.closest("tr"))[findColumn(field) + step], event);
  }
}

// As in a spreadsheet, a cell of which one chooses, or that one ticks, is emptied like any other.
function emptyChoice(field, event) {
  event.preventDefault();
  if (getText(field)) changeBlock([[field, clear]], "filled");
}

function fillDown(field, event) {
  event.preventDefault();
  const above = findBeside(field, -1);
  if (above) changeBlock([[field, copyFrom(above)]], "filled");
}

function followKey(event) {
  const isControl = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
  if (isControl && event.key === "z" && isUndoNext) {
    event.preventDefault();
    undo();
    return;
  }
  const field = event.target.closest("td > :is(input, select)");
  if (!field || event.isComposing) return;
  if (!body.contains(field)) {
    if (event.key === "Enter" && table.contains(field)) document.querySelector(".rows__fill button").click();
    if (event.key === "Enter") event.preventDefault();
  } else if (isControl && event.key === "d") fillDown(field, event);
  else if (["Delete", "Backspace"].includes(event.key) && field.type !== "text") emptyChoice(field, event);
  else if (event.key === "Enter" && event.shiftKey) go(findBeside(field, -1), event);
  else if (event.key === "Enter" && !isControl) go(findBeside(field, 1, start), event);
  else if (event.key === "Tab") isTabbing = !event.shiftKey;
  else if (event.key.startsWith("Arrow")) followArrow(field, event);
}

body.addEventListener("focusin", ({ target }) => {
  const column = findColumn(target);
  if (!isTabbing && column >= 0) start = column;
  isTabbing = false;
  // A browser is content with a part of it.
  target.scrollIntoView({ block: "nearest", inline: "nearest" });
});
document.addEventListener("paste", paste);
table.addEventListener("keydown", followKey);
undoButton.addEventListener("click", undo);
form.querySelector("button[value=fill]").addEventListener("click", fillTicked);
form.querySelector("button[value=add_rows]")?.addEventListener("click", (event) => {
  const first = addRow();
  if (!first) return;
  event.preventDefault();
  for (let added = 1; added < ROWS_ADDED; added++) addRow();
  listFields(first)[0].focus();
});
// With Shift, the ticks between the last one and this one.
let lastTicked = 0;
body.addEventListener("click", ({ target, shiftKey }) => {
  if (!target.matches(".rows__number input[type=checkbox]")) return;
  const { sectionRowIndex } = target.closest("tr");
  const [from, to] = [lastTicked, sectionRowIndex].sort((one, other) => one - other);
  for (const row of shiftKey ? [...body.rows].slice(from, to + 1) : []) tickOf(row).checked = target.checked;
  lastTicked = sectionRowIndex;
});
document.getElementById("field-fill-ticked").addEventListener("input", ({ target }) => {
  for (const row of body.rows) tickOf(row).checked = target.checked;
});
table.addEventListener("input", ({ target }) => {
  isUndoNext = false;
  isChanged = true;
  target.removeAttribute("aria-invalid");
  if (target.matches("[type=hidden] + [type=checkbox]")) setText(target, target.checked ? "on" : "", false);
});
// A duration that is typed is read like one that is pasted.
table.addEventListener("change", ({ target }) => target.dataset.holds === "minutes" && put(target, target.value.trim()));

// Whoever leaves without saving is asked.
form.addEventListener("submit", () => (isChanged = false));
addEventListener("beforeunload", (event) => {
  if (isChanged) event.preventDefault();
});

document.querySelector(".rows__keys").hidden = false;
