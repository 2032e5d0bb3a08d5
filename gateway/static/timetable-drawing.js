// How a timetable is drawn, by EventCalendar: days as columns, time downwards, lanes by room, by person or by group.

const LANES = { none: "timeGridDay", room: "resourceTimeGridDay", person: "resourceTimeGridDay", group: "resourceTimeGridDay" };
const NARROWEST = { day: 150, lane: 120 };
// How high half an hour is drawn; and what would be lower than 24 pixels, too low to be hit.
const SLOT = 30;
const LOW = 24;
// In so many minutes fits one line.
const SHORT = 30;
const laneId = (name) => name || "none";
const laneName = ({ id }) => (id === "none" ? "" : id);
// EventCalendar tells times as the browser's own zone would show them.
const fromDate = (date) =>
  Date.UTC(date.getFullYear(), date.getMonth(), date.getDate(), date.getHours(), date.getMinutes()) / MINUTE;

class TimetableDrawing {
  constructor(root) {
    this.root = root;
    const find = (part) => document.getElementById(`timetable-${part}`);
    [this.box, this.board, this.list, this.undoButton] = ["calendar", "board", "list", "undo"].map(find);
    [this.pager, this.shown, this.clockNote, this.further] = ["days", "shown", "clocks", "further"].map(find);
    const frame = JSON.parse(find("frame").textContent);
    this.programme = new Programme(frame);
    this.clocks = new Clocks(frame);
    this.texts = frame.texts;
    this.panel = new TimetablePanel(this.programme, this.clocks);
    this.saving = new Saving(frame.address, root.dataset.token);
    this.days = frame.days.map((day) => ({ ...day, start: readTime(`${day.date}T00:00`) }));
    [this.kind, this.first, this.isDragging] = ["none", 0, false];
    // What is picked up, the item that is shown beside, and the card that is dragged out of the tray.
    [this.draft, this.chosen, this.carried] = [null, null, null];
    [this.pending, this.changed, this.drawn, this.buttons] = [new Map(), new Set(), {}, 0];
    this.sameShiftNote = this.clockNote.textContent;
    root.classList.add("timetable--live");
    this.board.hidden = false;
    this.calendar = EventCalendar.create(this.box, this.options());
    this.dropRoles();
    new MutationObserver(() => this.dropRoles()).observe(this.box, { childList: true, subtree: true });
  }

  options() {
    return {
      view: "timeGridDay",
      locale: this.programme.frame.locale,
      timeZone: "UTC",
      date: this.days[0].date,
      validRange: { start: this.days[0].date, end: writeTime(this.days.at(-1).start + DAY).slice(0, 10) },
      headerToolbar: { start: "", center: "", end: "" },
      allDaySlot: false,
      datesAboveResources: true,
      slotDuration: "00:30",
      snapDuration: "00:15",
      slotHeight: SLOT,
      slotEventOverlap: false,
      eventLongPressDelay: 300,
      resourceLabelContent: ({ resource }) => ({ domNodes: [element("span", "", resource.title)] }),
      dayHeaderFormat: (date) => ({ domNodes: this.describeDay(fromDate(date)) }),
      eventContent: ({ event }) => ({ domNodes: this.describeEvent(event) }),
      eventClassNames: ({ event }) => this.classify(event),
      eventDidMount: ({ event, el }) => event.display === "auto" && this.addButton(event, el),
    };
  }

  get width() {
    return this.box.clientWidth - 80;
  }

  countDays() {
    const lanes = this.kind === "none" ? 1 : this.programme.lanes(this.kind).length;
    const wide = this.kind === "none" ? NARROWEST.day : lanes * NARROWEST.lane;
    return Math.max(1, Math.min(this.days.length, Math.floor(this.width / wide)));
  }

  set(name, value) {
    const text = JSON.stringify(value);
    if (this.drawn[name] === text) return;
    this.drawn[name] = text;
    this.calendar.setOption(name, value);
  }

  draw() {
    if (this.isDragging) return;
    const focused = this.board.contains(document.activeElement) ? document.activeElement.dataset.item : null;
    const count = this.countDays();
    this.drawn.days = count;
    this.first = Math.max(0, Math.min(this.first, this.days.length - count));
    const days = this.days.slice(this.first, this.first + count);
    const lanes = this.kind === "none" ? [] : this.programme.lanes(this.kind);
    this.set("resources", lanes.map(({ name, title }) => ({ id: laneId(name), title })));
    this.set("columnWidth", lanes.length && this.width < lanes.length * NARROWEST.lane ? `${NARROWEST.lane}px` : undefined);
    this.set("duration", { days: count });
    this.set("date", days[0].date);
    this.set("view", LANES[this.kind]);
    this.set("slotHeight", this.programme.shortest < LOW ? 2 * SLOT : SLOT);
    const [from, to] = this.findHours();
    this.set("slotMinTime", { minutes: from });
    this.set("slotMaxTime", { minutes: to });
    // At first what happens first is in sight; then the reader scrolls.
    this.scrolled ??= { minutes: Math.max(from, this.findFirst() - HOUR / 2) };
    this.set("scrollTime", this.scrolled);
    this.drawClocks(days);
    this.set("events", [...this.listBackground(days, lanes), ...this.listItems()]);
    this.drawPager(days);
    this.drawFurther(lanes);
    this.drawPanel();
    if (focused) this.focus(focused);
  }

  // From which to which minute of the day the days are drawn: with room to drag an item an hour out of what is there.
  findHours() {
    let [first, last] = this.programme.frame.shown.map((clock) => readTime(`1970-01-01T${clock}`));
    const places = [...this.programme.items.values()].map((item) => this.placeOf(item));
    for (const { start, end } of places.filter((place) => place.start !== null)) {
      const midnight = Math.floor(start / DAY) * DAY;
      // What goes on past midnight is drawn on both days.
      const isOfOneDay = end <= midnight + DAY;
      first = Math.min(first, isOfOneDay ? Math.floor((start - midnight) / HOUR - 1) * HOUR : 0);
      last = Math.max(last, isOfOneDay ? Math.ceil((end - midnight) / HOUR + 1) * HOUR : DAY);
    }
    return [Math.max(0, first), Math.min(DAY, last)];
  }

  // When something happens first on any day, or may: a minute of the day.
  findFirst() {
    const [opening] = this.programme.frame.hours.map((clock) => readTime(`1970-01-01T${clock}`));
    const starts = [...this.programme.items.values()].filter(({ start }) => start !== null).map(({ start }) => start % DAY);
    return Math.min(opening, ...starts);
  }

  drawClocks(days) {
    const shifts = new Set(days.map(({ start }) => this.clocks.toGuest(start + DAY / 2) - start));
    const [shift] = shifts.size === 1 ? shifts : [null];
    if (this.drawn.shift === shift) return;
    this.drawn.shift = shift;
    this.clockNote.textContent = shift === null ? this.texts.shifts : this.sameShiftNote;
    this.calendar.setOption("slotLabelFormat", (date) => {
      const time = fromDate(date) % DAY;
      const labels = [element("span", "timetable__hour", this.clocks.time(time))];
      if (shift !== null) labels.push(element("span", "timetable__other", this.clocks.time(time + shift - DAY / 2)));
      return { domNodes: labels };
    });
  }

  drawPager(days) {
    this.pager.hidden = days.length === this.days.length;
    const [first, last] = [days[0], days.at(-1)].map(({ start }) => this.clocks.day(start));
    this.shown.textContent = first === last ? first : fill(this.texts.days, { first, last });
    for (const button of this.pager.querySelectorAll("button")) {
      button.disabled = button.dataset.step < 0 ? days[0] === this.days[0] : days.at(-1) === this.days.at(-1);
    }
  }

  // Rooms that are in no lane can be chosen to have one.
  drawFurther(lanes) {
    const rooms = this.kind === "room" ? this.programme.rooms.filter((room) => !lanes.some(({ name }) => name === room.name)) : [];
    this.further.hidden = !rooms.length;
    const options = rooms.map(({ name, title }) => Object.assign(element("option", "", title), { value: name }));
    this.further.replaceChildren(this.further.firstElementChild, ...options);
    this.further.value = "";
  }

  drawPanel() {
    const waiting = this.programme.unplaced.filter(({ id }) => id !== this.draft?.item.id && !this.pending.has(id));
    // A card that is dragged has to stay where it comes from.
    if (!this.carried) this.panel.showTray(waiting, (card, item) => this.prepareCard(card, item));
    const item = this.draft?.item ?? this.programme.items.get(this.chosen);
    if (item) this.panel.showItem(item, this.placeOf(item), Boolean(this.draft));
    else this.panel.hideItem();
    if (this.undoButton) this.undoButton.disabled = !this.saving.undoable.length;
  }

  placeOf(item) {
    return (this.draft?.item.id === item.id && this.draft.place) || this.pending.get(item.id) || item;
  }

  listItems() {
    return [...this.programme.items.values()]
      .map((item) => ({ ...item, ...this.placeOf(item) }))
      .filter(({ start }) => start !== null)
      .map((item) => ({
        id: item.id,
        start: writeTime(item.start),
        end: writeTime(item.end),
        title: item.title,
        resourceIds: this.programme.lanesOf(this.kind, item).map(laneId),
        ...this.allowDragging(),
        extendedProps: { etag: item.etag, draft: this.draft?.item.id === item.id, changed: this.changed.has(item.id) },
      }));
  }

  // What is picked up by keyboard is moved by nothing else.
  allowDragging() {
    const isAllowed = this.programme.frame.editable && !this.draft;
    return { startEditable: isAllowed, durationEditable: isAllowed };
  }

  listBackground(days, lanes) {
    const { hours, breaks } = this.programme.frame;
    const everywhere = lanes.map(({ name }) => laneId(name));
    const shade = (className, start, end, title = "", resourceIds = everywhere) => ({
      display: "background", start, end, title, resourceIds, classNames: [`timetable__shade--${className}`],
    });
    const shades = days.flatMap(({ date, off, start }) => {
      const next = writeTime(start + DAY);
      if (off) return [shade("off", `${date}T00:00`, next)];
      return [
        shade("closed", `${date}T00:00`, `${date}T${hours[0]}`),
        ...breaks.map((each) => shade("break", `${date}T${each.start}`, `${date}T${each.end}`, each.title)),
        shade("closed", `${date}T${hours[1]}`, next),
      ];
    });
    const watched = this.draft?.item ?? this.programme.items.get(this.chosen);
    const own = watched ? [...Programme.roomsOf(watched), ...watched.books] : [];
    const resources = new Set(this.kind === "none" ? own : everywhere);
    const held = this.programme.elsewhere.filter(({ resource }) => resources.has(resource));
    const closed = this.kind === "room" ? this.programme.frame.closed.filter(({ resource }) => resources.has(resource)) : [];
    return [
      ...shades,
      ...closed.map(({ resource, start, end, title }) => shade("closed", start, end, title, [resource])),
      ...held.map(({ resource, start, end, title }) => shade("taken", writeTime(start), writeTime(end), title, [resource])),
    ];
  }

  describeDay(time) {
    const day = this.days.find(({ start }) => start === time);
    const notes = (day?.notes ?? []).map((note) => element("span", "timetable__note", note));
    return [element("span", "", this.clocks.day(time)), ...notes];
  }

  describeEvent(event) {
    if (event.display === "background") return [element("span", "timetable__shaded", event.title)];
    const item = this.programme.items.get(event.id);
    const place = { start: fromDate(event.start), end: fromDate(event.end) };
    const isShort = place.end - place.start <= SHORT;
    const guest = element("span", "timetable__other", this.clocks.span(place, (time) => this.clocks.toGuest(time)));
    const more = [
      element("span", "timetable__where", item ? this.programme.places(item).join("; ") : ""),
      element("span", "timetable__who", item?.people.join(", ")),
    ];
    for (const line of isShort ? [guest, ...more] : []) line.className = "kern-sr-only";
    const lines = [
      element("span", "kern-sr-only", this.clocks.day(place.start)),
      element("span", "timetable__time", isShort ? this.clocks.time(place.start) : this.clocks.span(place)),
      guest,
      element("span", "timetable__title", event.title),
      element("span", "timetable__fixed", item?.fixed ? this.texts.fixed : ""),
      ...more,
    ];
    return lines.filter(({ textContent }) => textContent);
  }

  classify(event) {
    const item = this.programme.items.get(event.id);
    if (!item || event.display === "background") return [];
    const lane = event.resourceIds[0];
    const room = this.kind === "room" && lane !== undefined ? laneName({ id: lane }) : item.room;
    const place = { start: fromDate(event.start), end: fromDate(event.end), room };
    return Object.entries({
      timetable__item: true,
      "timetable__item--short": place.end - place.start <= SHORT,
      "timetable__item--clash": this.programme.clashes(item, place).length + this.programme.wishes(item, place).length > 0,
      "timetable__item--picked": event.extendedProps.draft,
      "timetable__item--changed": event.extendedProps.changed,
    }).flatMap(([name, holds]) => (holds ? [name] : []));
  }

  // EventCalendar calls itself a table, and its items would be buttons among the rows. Its heads and items are read well by
  // themselves.
  dropRoles() {
    for (const part of this.box.querySelectorAll("[role]")) {
      for (const name of ["role", "aria-colindex", "aria-colspan"]) part.removeAttribute(name);
    }
    // It scrolls, by keyboard as well.
    this.box.querySelector(".ec-main")?.setAttribute("tabindex", "0");
  }

  // What does not fit into an item, whoever points at it reads.
  explain(id, article) {
    article.addEventListener("pointerenter", () => {
      const item = this.programme.items.get(id);
      const place = item && this.placeOf(item);
      if (!item || place.start === null) return;
      const fixed = item.fixed ? this.texts.fixed : "";
      const where = this.programme.places(item, place.room);
      const lines = [this.clocks.span(place), item.title, fixed, ...where, item.people.join(", ")];
      article.title = lines.filter(Boolean).join("\n");
    });
  }

  // The button that an item is for the keyboard and for screen readers; it stays while the item's text changes.
  addButton({ id }, article) {
    this.explain(id, article);
    const button = element("button", "timetable__handle");
    const body = article.querySelector(".ec-event-body");
    body.id = `timetable-item-${(this.buttons += 1)}`;
    button.type = "button";
    button.dataset.item = id;
    button.setAttribute("aria-labelledby", body.id);
    button.addEventListener("click", ({ detail }) => this.click(this.programme.items.get(id), !detail));
    article.append(button);
  }

  turn(step) {
    this.first += step * this.drawn.days;
    this.draw();
  }

  // The calendar draws a little later, and an item on another day anew.
  focus(id) {
    setTimeout(() => {
      const drawn = this.board.querySelector(`[data-item="${CSS.escape(id)}"]`);
      if (drawn && drawn !== document.activeElement) drawn.focus({ preventScroll: false });
    });
  }
}
