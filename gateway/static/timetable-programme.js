// What the timetable knows of a programme: items, what they hold of rooms and people, what clashes, what is free.
// A time is a number of minutes on the host's clocks, counted as if they were UTC: a browser's own zone never matters.

const HOUR = 60;
const DAY = 24 * HOUR;
const MINUTE = 60_000;
const FEW_ROOMS = 4;

const readTime = (text) => (text ? Date.parse(`${text}Z`) / MINUTE : null);
const writeTime = (time) => (time === null ? "" : new Date(time * MINUTE).toISOString().slice(0, 16));
const fill = (text, values) => text.replace(/%\((\w+)\)s/g, (found, name) => values[name] ?? found);

// Times and days as the reader's language writes them, on the clocks of both cities.
class Clocks {
  constructor({ locale, host, guest }) {
    const format = (options) => new Intl.DateTimeFormat(locale, { timeZone: "UTC", ...options });
    this.times = format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    this.dates = format({ weekday: "short", day: "numeric", month: "short" });
    [this.host, this.guest] = [host.zone, guest.zone].map((timeZone) =>
      new Intl.DateTimeFormat("en", {
        timeZone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric",
      }),
    );
  }

  time(time) {
    return this.times.format(time * MINUTE);
  }

  day(time) {
    return this.dates.format(time * MINUTE);
  }

  span({ start, end }, toTime = (time) => time) {
    return `${this.time(toTime(start))}–${this.time(toTime(end))}`;
  }

  when(place) {
    return `${this.day(place.start)}, ${this.span(place)}`;
  }

  static show(instant, clock) {
    const part = Object.fromEntries(clock.formatToParts(instant * MINUTE).map(({ type, value }) => [type, +value]));
    return Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute) / MINUTE;
  }

  // The instant of a time on the host's clocks, in minutes.
  toInstant(time) {
    let instant = time;
    for (let round = 0; round < 2; round += 1) instant -= Clocks.show(instant, this.host) - time;
    return instant;
  }

  // What the guests' clocks show at a time of the host: through the instant, so that either may change its clocks.
  toGuest(time) {
    return Clocks.show(this.toInstant(time), this.guest);
  }

  // What the host's clocks show so many minutes later; they may be changed in between.
  add(time, minutes) {
    return Clocks.show(this.toInstant(time) + minutes, this.host);
  }

  // How many minutes pass between two times on the host's clocks.
  measure(start, end) {
    return this.toInstant(end) - this.toInstant(start);
  }
}

class Programme {
  constructor(frame) {
    this.frame = frame;
    this.items = new Map();
    this.delegates = [];
    this.groups = [];
    this.chosenRooms = new Set();
    this.closed = frame.closed.map(Programme.read);
    this.noteElsewhere(frame);
  }

  // What other visits hold, and when people are away.
  noteElsewhere({ elsewhere }) {
    this.elsewhere = elsewhere.map(Programme.read);
  }

  // The rooms that an item books at a place: the one that it is in there, and its further ones.
  static roomsOf(item, { room } = item) {
    return [room, ...item.further_rooms.map(({ name }) => name)].filter(Boolean);
  }

  static read(held) {
    return { ...held, start: readTime(held.start), end: readTime(held.end) };
  }

  // Takes what the server answers, and returns the items that are new, changed or gone, as they were and as they are.
  update({ items, delegates, groups }) {
    const before = this.items;
    this.items = new Map(items.map(Programme.read).map((item) => [item.id, item]));
    [this.delegates, this.groups] = [delegates, groups];
    return [...new Set([...before.keys(), ...this.items.keys()])]
      .map((id) => ({ old: before.get(id), now: this.items.get(id) }))
      .filter(({ old, now }) => old?.etag !== now?.etag);
  }

  get unplaced() {
    return [...this.items.values()].filter((item) => item.start === null);
  }

  get shortest() {
    return Math.min(...[...this.items.values()].filter(({ start }) => start !== null).map(({ start, end }) => end - start));
  }

  get rooms() {
    const rooms = new Map(this.frame.rooms.map((room) => [room.name, room]));
    for (const { room, room_title, further_rooms } of this.items.values()) {
      for (const { name, title } of [{ name: room, title: room_title }, ...further_rooms]) {
        if (name && !rooms.has(name)) rooms.set(name, { name, title });
      }
    }
    return [...rooms.values()];
  }

  // The rooms that the programme books, those chosen besides, and others as long as there are few.
  get roomLanes() {
    const booked = new Set([...this.items.values()].flatMap((item) => Programme.roomsOf(item)));
    const rooms = this.rooms.filter(({ name }) => booked.has(name) || this.chosenRooms.has(name));
    const others = this.rooms.filter((room) => !rooms.includes(room));
    return [...rooms, ...others.slice(0, Math.max(0, FEW_ROOMS - rooms.length))];
  }

  // Whom the programme books.
  get people() {
    const booked = new Set([...this.items.values()].flatMap(({ books }) => books));
    return [...this.frame.people, ...this.delegates].filter(({ name }) => booked.has(name));
  }

  title(resource) {
    return [...this.rooms, ...this.frame.people, ...this.delegates].find(({ name }) => name === resource)?.title ?? "";
  }

  // Where an item takes place, or would in another room: its rooms, the venue, and the place that is neither.
  places(item, room = item.room) {
    const other = room === item.room ? null : this.rooms.find(({ name }) => name === room);
    const rooms = [room ? (other?.title ?? item.room_title) : "", ...item.further_rooms.map(({ title }) => title)];
    return [rooms.filter(Boolean).join(", "), other ? other.venue : item.venue_title, item.place].filter(Boolean);
  }

  // What holds a resource during a place, other than `besides`.
  holdings(resource, place, besides) {
    const overlaps = ({ start, end }) => start !== null && start < place.end && place.start < end;
    return [
      ...[...this.items.values()].filter(
        (item) => item.id !== besides && overlaps(item) && [...Programme.roomsOf(item), ...item.books].includes(resource),
      ),
      ...this.elsewhere.filter((held) => held.resource === resource && overlaps(held)),
    ];
  }

  // What an item would clash with at a place (start, end, room): the resource, and what holds it then.
  clashes(item, place) {
    return [...Programme.roomsOf(item, place), ...item.books].flatMap((resource) =>
      this.holdings(resource, place, item.id).map((held) => ({ resource, held })),
    );
  }

  // What of a venue's closed times an item would lie in at a place: each venue once.
  closures(item, place) {
    const venues = [...Programme.roomsOf(item, place), place.room ? "" : item.venue];
    const found = this.closed.filter(
      ({ resource, start, end }) => venues.includes(resource) && start < place.end && place.start < end,
    );
    return [...new Set(found.map(({ title }) => title))];
  }

  // What the planner has to keep and an item would not at a place: the key of a text, and what it is filled with.
  wishes(item, place) {
    if (place.start === null) return [];
    const stored = this.items.get(item.id);
    const isMoved = stored && (stored.start !== place.start || stored.room !== place.room);
    const broken = [];
    if (item.fixed && stored?.start !== null && isMoved) broken.push({ text: "is_fixed" });
    if (item.earliest && place.start < readTime(item.earliest)) broken.push({ text: "too_early", time: readTime(item.earliest) });
    if (item.latest && place.end > readTime(item.latest)) broken.push({ text: "too_late", time: readTime(item.latest) });
    for (const title of this.closures(item, place)) broken.push({ text: "closed", title });
    const comesLate = (first, second, gap) => first.end !== null && second.start !== null && first.end + gap > second.start;
    for (const { id, gap } of item.after) {
      const other = this.items.get(id);
      if (other && comesLate(other, place, gap)) broken.push({ text: "before_other", title: other.title });
    }
    for (const other of this.items.values()) {
      const order = other.after.find(({ id }) => id === item.id);
      if (order && comesLate(place, other, order.gap)) broken.push({ text: "after_other", title: other.title });
    }
    return broken;
  }

  // The nearest place from `time` on, in steps of a quarter of an hour within the hours of a day, that clashes with nothing.
  findFree(item, time) {
    const [first, last] = this.frame.hours.map((hour) => readTime(`1970-01-01T${hour}`));
    const length = item.minutes || 60;
    for (const { date } of this.frame.days) {
      const midnight = readTime(`${date}T00:00`);
      for (let start = midnight + first; start + length <= midnight + last; start += 15) {
        const place = { start, end: start + length, room: item.room };
        const isFree = !this.clashes(item, place).length && !this.closures(item, place).length;
        if (start >= time && isFree && !this.isBreak(place)) return place;
      }
    }
    const start = readTime(`${this.frame.days[0].date}T${this.frame.hours[0]}`);
    return { start, end: start + length, room: item.room };
  }

  isBreak({ start, end }) {
    const midnight = Math.floor(start / DAY) * DAY;
    const [from, to] = [start, end].map((time) => writeTime(time - midnight).slice(11));
    return this.frame.breaks.some((each) => from < each.end && each.start < to);
  }

  // The lanes of a kind: what they are called, and by `lanesOf` which of them an item is in.
  lanes(kind) {
    const { texts } = this.frame;
    if (kind === "room") return [...this.roomLanes, { name: "", title: texts.no_room }];
    const lanes = kind === "person" ? this.people : this.groups;
    return [...lanes, { name: "", title: texts.others }];
  }

  lanesOf(kind, item) {
    const names = { room: Programme.roomsOf(item), person: item.books, group: item.groups }[kind] ?? [];
    return names.length ? names : [""];
  }
}
