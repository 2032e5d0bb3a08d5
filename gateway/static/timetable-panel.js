// What stands around the calendar of a timetable: the tray, the chosen item with who and what is free, and messages.

class TimetablePanel {
  constructor(programme, clocks) {
    [this.programme, this.clocks, this.texts] = [programme, clocks, programme.frame.texts];
    const find = (part) => document.getElementById(`timetable-${part}`);
    [this.tray, this.chosen, this.title, this.facts, this.free] = ["tray", "chosen", "chosen-title", "chosen-facts", "free"].map(find);
    [this.refusal, this.said, this.hand] = ["refusal", "said", "hand"].map(find);
  }

  when(place) {
    return place.start === null ? this.texts.without_time : this.clocks.when(place);
  }

  where(place) {
    return [this.when(place), this.programme.title(place.room)].filter(Boolean).join(", ");
  }

  say(text) {
    if (this.said.textContent !== text) this.said.textContent = text;
  }

  // The items without a time, as cards that are given to `prepare`.
  showTray(items, prepare) {
    this.tray.hidden = !items.length;
    this.tray.querySelector(".timetable__cards").replaceChildren(
      ...items.map((item) => {
        // Firefox drags no buttons.
        const card = element("div", "timetable__card", item.title);
        card.dataset.item = item.id;
        card.tabIndex = 0;
        card.setAttribute("role", "button");
        card.append(" ", element("span", "quiet", item.length));
        prepare(card, item);
        const entry = element("li");
        entry.append(card);
        return entry;
      }),
    );
  }

  // The item at a place where it is, or may soon be; `isMoving`: it is picked up.
  showItem(item, place, isMoving) {
    this.chosen.hidden = false;
    this.hand.hidden = !isMoving;
    this.title.textContent = item.title;
    const guest = place.start === null ? "" : fill(this.texts.other_clock, { time: this.clocks.span(place, (time) => this.clocks.toGuest(time)) });
    const where = this.programme.places(item, place.room);
    this.facts.replaceChildren(
      ...[this.when(place), guest, item.fixed ? this.texts.fixed : "", where.join("; "), item.people.join(", ")].filter(Boolean).map((text) => element("span", "", text)),
      ...this.listDoubts(item, place).map((text) => element("span", "timetable__doubt", text)),
    );
    for (const button of this.chosen.querySelectorAll("[data-act]")) {
      const { act } = button.dataset;
      button.hidden = isMoving || (act === "take-out" && place.start === null);
      if (act === "change") button.href = `${item.page}/edit`;
    }
    this.free.hidden = place.start === null;
    if (place.start === null) return;
    const { rooms, people } = this.programme;
    this.listFree("room", rooms, item, place, Programme.roomsOf(item, place));
    this.listFree("person", [...people].sort((one, other) => item.books.includes(other.name) - item.books.includes(one.name)), item, place, item.books);
  }

  listFree(kind, resources, item, place, own) {
    const list = this.free.querySelector(`[data-of=${kind}]`);
    list.previousElementSibling.hidden = !resources.length;
    list.replaceChildren(
      ...resources.map(({ name, title }) => {
        const [held] = this.programme.holdings(name, place, item.id);
        const entry = element("li", held ? "timetable__taken" : "timetable__open");
        entry.append(
          element("span", own.includes(name) ? "timetable__own" : "", title),
          " ",
          element("span", "quiet", held ? `${held.title}, ${this.clocks.span(held)}` : this.texts.free),
        );
        return entry;
      }),
    );
  }

  hideItem() {
    this.chosen.hidden = this.hand.hidden = true;
  }

  describeClashes(item, place) {
    return this.listDoubts(item, place).join(" ") || this.texts.no_clash;
  }

  // What speaks against a place: what it clashes with, and what the planner would keep to.
  listDoubts(item, place) {
    if (place.start === null) return [];
    const clashes = this.programme.clashes(item, place);
    const named = [...new Set(clashes.map(({ held }) => held))].map((held) => {
      const resources = clashes.filter((clash) => clash.held === held).map(({ resource }) => this.programme.title(resource));
      return fill(this.texts.clash, { title: held.title, time: this.clocks.span(held), resources: resources.join(", ") });
    });
    const wishes = this.programme.wishes(item, place).map(({ text, title, time }) =>
      fill(this.texts[text], { title, when: time === undefined ? "" : `${this.clocks.day(time)}, ${this.clocks.time(time)}` }),
    );
    return [...named, ...wishes];
  }

  // Why an item stays where it was, and free places that `take` moves it to; `dismiss` is called once that is read.
  showRefusal(item, refusal, take, dismiss) {
    const text = fill(this.texts.refused, { title: item.title, reason: refusal.title || refusal.text });
    const alert = element("div", "timetable__reason");
    alert.append(element("p", "timetable__own", text));
    if (refusal.title) alert.append(...refusal.text.split("\n").filter(Boolean).map((line) => element("p", "", line)));
    const links = refusal.links.map(({ href, title }) => Object.assign(element("a", "kern-link", title), { href }));
    if (links.length) alert.append(...links);
    else if (!refusal.alternatives.length) alert.append(element("p", "", refusal.advice));
    if (refusal.alternatives.length) {
      const choices = element("div", "actions");
      choices.append(
        element("span", "", this.texts.alternatives),
        ...refusal.alternatives.map((place) => this.makeButton(place.label, () => take(Programme.read(place)))),
      );
      alert.append(choices);
    }
    alert.append(this.makeButton(this.texts.dismiss, dismiss, "tertiary"));
    this.refusal.replaceChildren(alert);
  }

  makeButton(label, act, variant = "secondary") {
    const button = element("button", `kern-btn kern-btn--${variant} kern-btn--x-small`);
    button.type = "button";
    button.append(element("span", "kern-label", label));
    button.addEventListener("click", act);
    return button;
  }

  hideRefusal() {
    this.refusal.replaceChildren();
  }
}

function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}
