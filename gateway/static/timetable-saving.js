// Saving moves of a timetable one after the other, undoing them, and asking what others have changed.

const POLL = 1500;

// What is asked as a part of a page is answered with 401 once the session has ended; else the sign-in page would come.
const AS_PART = { "HX-Request": "true" };

const placeOf = ({ start, end, minutes, room }) => ({ start, end, minutes, room });

class Saving {
  constructor(address, token) {
    [this.address, this.token] = [address, token];
    this.etag = "";
    // Kept as long as the tab is: a page that is loaded again can undo what was moved before.
    this.undoable = JSON.parse(sessionStorage.getItem(address) ?? "[]").filter(({ place }) => place.minutes);
    this.last = Promise.resolve();
    [this.waiting, this.sent] = [0, 0];
  }

  // Returns the programme if it is another than at the last time, else null.
  async ask() {
    const answer = await fetch(`${this.address}.json`, { cache: "no-cache", headers: AS_PART });
    if (answer.status === 401) throw new SignedOut();
    const etag = answer.headers.get("ETag");
    if (!answer.ok || etag === this.etag) return null;
    this.etag = etag;
    return answer.json();
  }

  // Returns the page, or with the header of a part that part of it, as it is now; null where it cannot be had.
  async askForPage(headers) {
    const answer = await fetch(`${this.address}${location.search}`, { headers }).catch(() => null);
    return answer?.ok && !answer.redirected ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  }

  // Moves an item to a place once what was moved before is saved; `current` finds it as it is then. Returns {saved}, or
  // {refusal}, or what went wrong besides as an exception.
  move(current, place, undoing = null) {
    this.waiting += 1;
    this.sent += 1;
    const moved = this.last.then(() => this.send(current(), place, undoing)).finally(() => (this.waiting -= 1));
    this.last = moved.catch(() => {});
    return moved;
  }

  // Forgets a move that is undone, or can no longer be.
  forget(entry) {
    this.undoable = this.undoable.filter((each) => each !== entry);
    this.keepUndoable();
  }

  // Undoes a move from now on as it is known that an item is.
  renew(entry, item) {
    if (item) entry.etag = item.etag;
    this.keepUndoable();
  }

  keepUndoable() {
    sessionStorage.setItem(this.address, JSON.stringify(this.undoable));
  }

  async send(item, place, undoing) {
    const etag = undoing?.etag ?? item.etag;
    // What stays is not sent: where the clocks are turned back, an hour of theirs says twice the same.
    const { start, minutes, room } = place;
    const changes = start === null ? { start_time: "", end_time: "", room } : { room };
    if (start !== null && start !== item.start) changes.start_time = writeTime(start);
    if (start !== null && (start !== item.start || minutes !== item.minutes)) changes.duration_minutes = minutes;
    const answer = await fetch(`${item.page}/move`, {
      method: "POST",
      headers: { ...AS_PART, "X-CSRFToken": this.token },
      body: new URLSearchParams(
        Object.entries({ etag, ...changes }).map(([field, value]) => [`agenda_item.${field}`, value]),
      ),
    });
    if (answer.status === 401) throw new SignedOut();
    if (!answer.headers.get("Content-Type")?.startsWith("application/json")) throw new Error(answer.statusText);
    const body = await answer.json();
    if (!answer.ok) return { refusal: body };
    // What one changed oneself since does not stand in the way of undoing; what others changed does.
    for (const entry of this.undoable) if (entry.id === item.id && entry.etag === etag) entry.etag = body.etag;
    if (undoing) this.forget(undoing);
    else this.undoable.push({ id: item.id, title: item.title, etag: body.etag, place: placeOf(item) });
    this.keepUndoable();
    this.etag = "";
    return { saved: Programme.read(body) };
  }
}

class SignedOut extends Error {}
