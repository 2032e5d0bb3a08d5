// The search field of the header: suggestions as one types, chosen by keyboard (the combobox pattern of ARIA), and the
// searches made lately. Without it, the field is a plain form that leads to the search page.

const MOST_RECENT = 8;
const TYPING_PAUSE = 150;
// So much of an address is for the query; a letter takes up to twelve.
const MOST_IN_ADDRESS = 6000;

class SearchBox {
  constructor(form) {
    this.form = form;
    this.input = form.querySelector("input[name=query]");
    this.box = form.querySelector("#found");
    this.list = form.querySelector("#found-list");
    this.notes = form.querySelector("#found-notes");
    this.said = form.querySelector("#found-said");
    this.recent = new RecentSearches(form.dataset.account);
    this.asked = null;
    this.pause = 0;
    for (const [name, value] of [
      ["role", "combobox"], ["aria-expanded", "false"], ["aria-controls", "found-list"], ["aria-autocomplete", "list"],
    ]) {
      this.input.setAttribute(name, value);
    }
    this.input.addEventListener("input", () => this.cutToAddress());
    this.input.addEventListener("input", () => this.suggestSoon());
    this.input.addEventListener("focus", () => this.input.value.trim() || this.showRecent());
    this.input.addEventListener("click", () => this.isOpen || this.input.value.trim() || this.showRecent());
    this.input.addEventListener("keydown", (event) => this.steer(event));
    this.form.addEventListener("submit", () => this.recent.add(this.input.value));
    // The focus stays in the field.
    this.box.addEventListener("mousedown", (event) => event.target.closest("button") || event.preventDefault());
    this.box.addEventListener("click", (event) => this.click(event));
    document.addEventListener("focusin", (event) => this.form.contains(event.target) || this.close());
    document.addEventListener("pointerdown", (event) => this.form.contains(event.target) || this.close());
    document.addEventListener("keydown", (event) => this.focusByKey(event));
    // A page that the browser keeps for the button Back is kept without the list.
    window.addEventListener("pagehide", () => this.close());
  }

  get isOpen() {
    return !this.box.hidden;
  }

  get options() {
    return [...this.list.querySelectorAll("[role=option]")];
  }

  get active() {
    return this.list.querySelector("[aria-selected=true]");
  }

  cutToAddress() {
    const measure = () => new URLSearchParams({ query: this.input.value }).toString().length - MOST_IN_ADDRESS;
    for (let over = measure(); over > 0; over = measure()) {
      this.input.value = this.input.value.slice(0, -Math.ceil(over / 12));
    }
  }

  suggestSoon() {
    clearTimeout(this.pause);
    this.asked?.abort();
    if (!this.input.value.trim()) {
      this.showRecent();
    } else if (this.input.dataset.found) {
      this.pause = setTimeout(() => this.suggest(), TYPING_PAUSE);
    } else {
      // The search page shows what is found by itself.
      this.close();
    }
  }

  async suggest() {
    const asked = new AbortController();
    this.asked = asked;
    const query = new URLSearchParams({ query: this.input.value });
    try {
      const answer = await fetch(`${this.input.dataset.found}?${query}`, {
        headers: { "HX-Request": "true" },
        signal: asked.signal,
      });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (asked.signal.aborted || document.activeElement !== this.input) return;
      const found = page.querySelector("[data-said]");
      // What is answered without it is why there is nothing: the session has ended.
      if (!found && answer.status !== 401) return this.close();
      this.show(found ? [...found.childNodes] : [], [...page.body.children].filter((part) => part !== found));
      this.said.textContent = found?.dataset.said ?? "";
    } catch (failure) {
      if (failure.name !== "AbortError") this.close();
    }
  }

  showRecent() {
    const template = document.getElementById("recent-searches").content.cloneNode(true);
    const pattern = template.querySelector("[role=option]");
    const options = this.recent.read().map((query) => {
      const option = pattern.cloneNode(true);
      option.href = `${this.form.action}?${new URLSearchParams({ query })}`;
      option.dataset.query = query;
      option.firstElementChild.textContent = query;
      return option;
    });
    if (!options.length) return this.close();
    pattern.replaceWith(...options);
    const [group, ...notes] = template.children;
    this.show([group], notes);
  }

  show(options, notes) {
    this.list.replaceChildren(...options);
    this.notes.replaceChildren(...notes);
    this.options.forEach((option, number) => (option.id = `found-${number}`));
    this.box.hidden = false;
    this.box.scrollTop = 0;
    this.input.setAttribute("aria-expanded", "true");
    this.choose(null);
  }

  close() {
    clearTimeout(this.pause);
    this.asked?.abort();
    if (!this.isOpen) return;
    this.box.hidden = true;
    this.list.replaceChildren();
    this.notes.replaceChildren();
    this.said.textContent = "";
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  choose(option) {
    this.active?.setAttribute("aria-selected", "false");
    if (option) {
      option.setAttribute("aria-selected", "true");
      option.scrollIntoView({ block: "nearest" });
      this.input.setAttribute("aria-activedescendant", option.id);
    } else {
      this.input.removeAttribute("aria-activedescendant");
    }
  }

  // Up from the first option and down from the last leads to the field itself, and from there around.
  move(step) {
    const { options } = this;
    const places = options.length + 1;
    const place = options.indexOf(this.active) + 1;
    this.choose(options[((place + step + places) % places) - 1] ?? null);
  }

  steer(event) {
    if (event.isComposing) return;
    const { key } = event;
    if ((key === "ArrowDown" || key === "ArrowUp") && !event.altKey && !event.ctrlKey && !event.metaKey) {
      if (!this.isOpen) return;
      event.preventDefault();
      this.move(key === "ArrowDown" ? 1 : -1);
    } else if (key === "Enter" && this.active) {
      event.preventDefault();
      this.open(this.active, event.ctrlKey || event.metaKey);
    } else if (key === "Delete" && event.shiftKey && this.active?.dataset.query) {
      event.preventDefault();
      this.forget(this.active);
    } else if (key === "Escape" && this.isOpen) {
      // What was typed stays; a browser would empty the field.
      event.preventDefault();
      this.close();
    } else if (key === "Escape" && this.before) {
      this.before.focus();
    }
  }

  open(option, apart) {
    this.recent.add(this.input.value || option.dataset.query || "");
    if (apart) window.open(option.href, "_blank", "noopener");
    else window.location.assign(option.href);
  }

  click(event) {
    const option = event.target.closest("[role=option]");
    if (event.target.closest(".found__remove")) {
      event.preventDefault();
      this.forget(option);
    } else if (option) {
      this.recent.add(this.input.value || option.dataset.query || "");
    } else if (event.target.closest("button")) {
      this.recent.clear();
      this.close();
      this.input.focus();
    }
  }

  forget(option) {
    this.recent.remove(option.dataset.query);
    this.showRecent();
  }

  // "/" and Ctrl+K lead to the field, but nobody who types is taken away from it by "/".
  focusByKey(event) {
    const { target, key } = event;
    const typing = target.isContentEditable || target.matches("input, textarea, select");
    const slash = key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey;
    const control = key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
    if (!slash && !control) return;
    event.preventDefault();
    if (target !== this.input) this.before = target === document.body ? null : target;
    this.input.focus();
    this.input.select();
  }
}

// What was searched lately, per account, in this browser only.
class RecentSearches {
  constructor(account) {
    this.key = `recent-searches ${account}`;
  }

  read() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.key));
      return Array.isArray(kept) ? kept.filter((query) => typeof query === "string").slice(0, MOST_RECENT) : [];
    } catch {
      return [];
    }
  }

  add(typed) {
    const query = typed.trim();
    if (query) this.write([query, ...this.read().filter((other) => other !== query)]);
  }

  remove(query) {
    this.write(this.read().filter((other) => other !== query));
  }

  clear() {
    this.write([]);
  }

  write(queries) {
    try {
      localStorage.setItem(this.key, JSON.stringify(queries.slice(0, MOST_RECENT)));
    } catch {
      // A browser that keeps nothing has no recent searches.
    }
  }
}

const searchForm = document.querySelector("form.search");
if (searchForm) new SearchBox(searchForm);
