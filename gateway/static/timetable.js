// The timetable of a visit: items are dragged, resized, and moved by keyboard or by tapping. Each move is saved at once, and
// can be undone; what others change appears by itself. Without this, the programme is a list with forms.

const STEP = 15;
const SHOWN_AS_CHANGED = 6000;
const toMinutes = ({ days, seconds }) => days * DAY + seconds / 60;

class Timetable extends TimetableDrawing {
  constructor(root) {
    super(root);
    this.listen();
    this.follow();
  }

  options() {
    const grab = () => (this.isDragging = true);
    const release = () => (this.isDragging = false);
    return {
      ...super.options(),
      dateClick: ({ date, resource }) => this.draft && this.moveDraftTo(fromDate(date), resource),
      eventDragStart: grab,
      eventResizeStart: grab,
      eventDragStop: release,
      eventResizeStop: release,
      dragConstraint: (info) => this.foresee(info),
      resizeConstraint: (info) => this.foresee(info),
      eventDrop: (info) => this.drop(info),
      eventResize: (info) => this.drop(info),
    };
  }

  listen() {
    document.getElementById("timetable-lanes").addEventListener("change", ({ target }) => {
      this.kind = target.value;
      this.draw();
    });
    this.pager.addEventListener("click", ({ target }) => this.turn(Number(target.closest("[data-step]")?.dataset.step ?? 0)));
    this.further.addEventListener("change", ({ target }) => {
      this.programme.chosenRooms.add(target.value);
      this.draw();
    });
    this.undoButton?.addEventListener("click", () => this.undo());
    for (const part of [this.panel.chosen, this.panel.hand]) {
      part.addEventListener("click", ({ target }) => this.act(target.closest("[data-act]")?.dataset.act));
    }
    document.addEventListener("keydown", (event) => this.steer(event), true);
    document.addEventListener("keydown", (event) => {
      const typing = event.target.matches("input:not([type=radio]), textarea, select");
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !event.shiftKey && !typing) {
        event.preventDefault();
        this.undo();
      }
    });
    window.addEventListener("resize", () => this.countDays() === this.drawn.days || this.draw());
    window.addEventListener("pointercancel", () => {
      this.isDragging = false;
      this.draw();
    });
    for (const kind of ["dragover", "dragleave", "drop"]) this.box.addEventListener(kind, (event) => this.carry(event));
  }

  // ------------------------------------------------------------------------------------------------ by mouse

  // A place from a time on; it takes so many minutes, whatever the clocks do meanwhile.
  placeAt(start, minutes, room) {
    return { start, end: this.clocks.add(start, minutes), minutes, room };
  }

  // Where an item is after it was dragged or resized so far.
  findPlace({ event, delta, startDelta, endDelta, oldResource, newResource }) {
    const item = this.programme.items.get(event.id);
    const start = item.start + toMinutes(delta ?? startDelta);
    const minutes = delta ? item.minutes : this.clocks.measure(start, item.end + toMinutes(endDelta));
    // Of the lanes of an item, that of its own room is where it is moved to another.
    const isOther = this.kind === "room" && newResource && laneName(oldResource) === item.room;
    return { item, place: this.placeAt(start, minutes, isOther ? laneName(newResource) : item.room) };
  }

  // Shows what would clash and who is free where an item is dragged to; it may go anywhere.
  foresee(info) {
    const { item, place } = this.findPlace(info);
    this.panel.showItem(item, place, false);
    this.panel.say(this.describe(place, item));
    return true;
  }

  drop(info) {
    const { item, place } = this.findPlace(info);
    this.chosen = item.id;
    this.save(item, place);
  }

  // A card from the tray is dragged into the calendar.
  prepareCard(card, item) {
    const take = () => (this.programme.frame.editable ? this.pickUp(item) : this.click(item, false));
    card.addEventListener("click", take);
    card.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      take();
    });
    card.draggable = this.programme.frame.editable;
    card.addEventListener("dragstart", ({ dataTransfer }) => {
      dataTransfer.setData("text/plain", item.title);
      this.carried = item;
    });
    card.addEventListener("dragend", () => {
      this.carried = null;
      this.draw();
    });
  }

  carry(event) {
    if (!this.carried) return;
    if (event.type === "dragleave") {
      if (!this.box.contains(event.relatedTarget)) this.putBack();
      return;
    }
    event.preventDefault();
    const { date, resource } = this.calendar.dateFromPoint(event.clientX, event.clientY) ?? {};
    if (date) this.moveDraftTo(fromDate(date), resource, this.carried);
    if (event.type === "drop" && this.draft) this.putDown();
  }

  // -------------------------------------------------------------------------------- by keyboard and by tapping

  click(item, isKey) {
    if (isKey && this.programme.frame.editable) {
      this.pickUp(item);
    } else if (!this.draft) {
      this.chosen = item.id;
      this.draw();
      if (!isKey) this.panel.chosen.scrollIntoView({ block: "nearest" });
    }
  }

  act(act) {
    const item = this.draft?.item ?? this.programme.items.get(this.chosen);
    if (act === "pick-up") this.pickUp(item);
    if (act === "put-down") this.putDown();
    if (act === "put-back") this.putBack();
    if (act === "take-out") {
      this.save(item, { start: null, end: null, minutes: item.minutes, room: item.room });
      this.focus(item.id);
    }
  }

  pickUp(item) {
    const { start, end, room } = item.start === null ? this.programme.findFree(item, this.days[this.first].start) : item;
    const place = { start, end, minutes: item.minutes, room };
    this.draft = { item, place };
    this.chosen = item.id;
    this.show(start);
    this.panel.say(this.noteFixed(fill(this.texts.picked_up, { title: item.title, when: this.clocks.when(place) }), item));
    this.focus(item.id);
  }

  // What is fixed may be moved all the same; whoever does is told.
  noteFixed(text, item) {
    return item.fixed ? `${text} ${this.texts.is_fixed}` : text;
  }

  moveDraftTo(start, resource, item = this.draft.item) {
    const { minutes, room } = this.placeOf(item);
    const place = this.placeAt(start, minutes, this.kind === "room" && resource ? laneName(resource) : room);
    if (this.draft && JSON.stringify(this.draft.place) === JSON.stringify(place)) return;
    this.draft = { item, place };
    this.chosen = item.id;
    this.redraft();
  }

  steer(event) {
    // An item that moves to another day is drawn anew, and for that moment nothing has the focus.
    const isMeant = this.box.contains(event.target) || event.target === document.body;
    if (!this.draft || !isMeant || event.ctrlKey || event.metaKey || event.altKey) return;
    const { place } = this.draft;
    const shift = { ArrowUp: -STEP, ArrowDown: STEP, ArrowLeft: -DAY, ArrowRight: DAY }[event.key];
    if (shift && event.shiftKey) {
      if (Math.abs(shift) === STEP && place.minutes + shift > 0) this.placeDraft(place.start, place.minutes + shift);
    } else if (shift) {
      const turned = Math.abs(shift) === DAY && document.documentElement.dir === "rtl" ? -shift : shift;
      this.shiftDraft(turned);
    } else if (event.key === "PageUp" || event.key === "PageDown") {
      this.changeRoom(event.key === "PageDown" ? 1 : -1);
    } else if (event.key === "Enter" || event.key === " ") {
      this.putDown();
    } else if (event.key === "Escape") {
      this.putBack();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    if (this.draft) this.redraft();
  }

  // Moves what is picked up, within the days of the visit.
  shiftDraft(minutes) {
    const { place } = this.draft;
    this.placeDraft(place.start + minutes, place.minutes);
  }

  placeDraft(start, minutes) {
    const place = this.placeAt(start, minutes, this.draft.place.room);
    if (place.start >= this.days[0].start && place.end <= this.days.at(-1).start + DAY) this.draft.place = place;
  }

  changeRoom(step) {
    const rooms = ["", ...this.programme.rooms.map(({ name }) => name)];
    const { place } = this.draft;
    place.room = rooms[(rooms.indexOf(place.room) + step + rooms.length) % rooms.length];
    if (place.room) this.programme.chosenRooms.add(place.room);
  }

  redraft() {
    const { item, place } = this.draft;
    this.show(place.start);
    this.panel.say(this.describe(place, item));
    if (!this.carried) this.focus(item.id);
  }

  // Draws the days around a time.
  show(time) {
    const number = this.days.findIndex(({ start }) => time >= start && time < start + DAY);
    const count = this.countDays();
    if (number >= 0 && (number < this.first || number >= this.first + count)) this.first = number;
    this.draw();
  }

  describe(place, item) {
    const room = place.room === item.room ? "" : `, ${this.programme.title(place.room) || this.texts.no_room}`;
    return `${this.clocks.when(place)}${room}. ${this.panel.describeClashes(item, place)}`;
  }

  putDown() {
    const { item, place } = this.draft;
    this.draft = null;
    this.save(item, place);
    this.focus(item.id);
  }

  putBack() {
    if (!this.draft) return;
    const { item } = this.draft;
    this.draft = null;
    this.draw();
    this.panel.say(fill(this.texts.put_back, { title: item.title }));
    this.focus(item.id);
  }

  // ------------------------------------------------------------------------------------------------ saving

  async save(item, place, undoing = null) {
    if (["start", "minutes", "room"].every((field) => item[field] === place[field])) {
      if (undoing) this.saving.forget(undoing);
      return this.draw();
    }
    this.pending.set(item.id, place);
    this.panel.hideRefusal();
    this.draw();
    let isRefused = false;
    try {
      const { saved, refusal } = await this.saving.move(() => this.programme.items.get(item.id) ?? item, place, undoing);
      if (saved) {
        this.programme.items.set(saved.id, saved);
        const text = undoing ? this.texts.undone : saved.start === null ? this.texts.taken_out : this.texts.saved;
        this.panel.say(this.noteFixed(fill(text, { title: saved.title, when: this.panel.where(saved) }), saved));
      } else {
        this.refuse(item, place, refusal);
        isRefused = true;
        this.panel.say("");
      }
    } catch (failure) {
      this.panel.say(failure instanceof SignedOut ? this.texts.signed_out : this.texts.not_saved);
    }
    this.pending.delete(item.id);
    this.draw();
    this.refreshList();
    // What cannot be asked for now is asked for again by itself.
    await this.poll().catch(() => null);
    // Who tries once more to undo what was refused has seen what others changed.
    if (undoing && isRefused) this.saving.renew(undoing, this.programme.items.get(item.id));
  }

  refuse(item, { minutes }, refusal) {
    const take = (free) => {
      this.save(this.programme.items.get(item.id) ?? item, { ...free, minutes });
      this.focus(item.id);
    };
    const dismiss = () => {
      this.panel.hideRefusal();
      this.focus(item.id);
    };
    this.panel.showRefusal(item, refusal, take, dismiss);
    this.refreshElsewhere();
  }

  undo() {
    const entry = this.draft || this.saving.waiting ? null : this.saving.undoable.at(-1);
    if (!entry) return;
    const item = this.programme.items.get(entry.id);
    if (!item) {
      this.saving.forget(entry);
      this.draw();
      this.panel.say(fill(this.texts.gone, { title: entry.title }));
      return;
    }
    this.show(entry.place.start ?? item.start);
    this.save(item, entry.place, entry);
  }

  // ------------------------------------------------------------------------------------------- what others do

  async follow() {
    try {
      if (!document.hidden) await this.poll();
    } catch (failure) {
      if (failure instanceof SignedOut) {
        this.panel.say(this.texts.signed_out);
        return;
      }
    }
    setTimeout(() => this.follow(), POLL);
  }

  async poll() {
    const { sent, waiting } = this.saving;
    if (waiting) return;
    const programme = await this.saving.ask();
    if (!programme) return;
    // What is being dragged stays in hand; an answer from before one's own last move is out of date.
    if (this.isDragging || this.saving.waiting || sent !== this.saving.sent) {
      this.saving.etag = "";
      return;
    }
    const isFirst = !this.drawn.events;
    const changes = this.programme.update(programme);
    if (!isFirst && changes.length) this.tell(changes);
    this.draw();
  }

  tell(changes) {
    for (const { old, now } of changes) {
      const text = !now ? this.texts.removed : old ? this.texts.changed : this.texts.added;
      const item = now ?? old;
      if (this.draft?.item.id === item.id) this.draft = null;
      this.panel.say(fill(text, { updater: item.updater, title: item.title, when: this.panel.where(item) }));
      this.changed.add(item.id);
      setTimeout(() => {
        this.changed.delete(item.id);
        this.draw();
      }, SHOWN_AS_CHANGED);
    }
    this.refreshList();
  }

  // The list is what is printed.
  async refreshList() {
    const page = await this.saving.askForPage(AS_PART);
    if (page) this.list.replaceChildren(...page.body.childNodes);
  }

  // A refusal may come from what other visits hold since the page was loaded.
  async refreshElsewhere() {
    const page = await this.saving.askForPage({});
    if (!page) return;
    this.programme.noteElsewhere(JSON.parse(page.getElementById("timetable-frame").textContent));
    this.draw();
  }
}

const timetableRoot = document.getElementById("timetable");
if (timetableRoot) new Timetable(timetableRoot);
