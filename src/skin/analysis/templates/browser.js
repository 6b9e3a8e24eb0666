/* The browser's results and detail panel, between its controls and its model. */

const KEY = "browser";
const PAGE_SIZE = 48;

function parsed(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

/* A value that is worked out when it is first asked for. */
function lazy(work) {
  let value;
  return () => (value ??= work());
}

class Browser {
  constructor(root) {
    this.root = root;
    this.columns = new Columns(parsed("browser-data"));
    this.pictures = lazy(() => parsed("browser-pictures"));
    this.form = root.querySelector("form");
    this.controls = new Controls(this.form, this.columns);
    this.results = root.querySelector(".results");
    this.cards = this.results.querySelector(".cards");
    this.pager = this.results.querySelector(".pager");
    this.dialog = root.querySelector("dialog");
    this.listen();
    this.form.hidden = false;
    this.results.hidden = false;
    this.state = this.controls.show(START);
    if (!this.restore()) this.update();
  }

  listen() {
    this.form.addEventListener("input", () => this.change(this.controls.read()));
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.querySelector(".clear").addEventListener("click", () => {
      const { run, sort } = this.state;
      this.change(this.controls.show({ ...START, run, sort }));
    });
    this.pager.addEventListener("click", (event) => {
      const to = { first: 1, previous: this.page - 1, next: this.page + 1, last: this.pages };
      if (event.target.dataset.go) this.turn(to[event.target.dataset.go]);
    });
    this.pager.querySelector("input").addEventListener("change", (event) =>
      this.turn(Number(event.target.value)));
    this.cards.addEventListener("click", (event) => this.openCard(event));
    this.cards.addEventListener("keydown", (event) => this.moveAmongCards(event));
    this.listenToDialog();
    addEventListener("hashchange", () => this.restore());
  }

  /* ---- state ---- */

  /* Take the state from the address, if it has one. */
  restore() {
    const given = readFragment(location.hash, KEY);
    if (!given) return false;
    this.state = this.controls.show(given);
    this.update();
    this.root.closest("section, body").scrollIntoView();
    const open = this.columns.image.indexOf(given.image);
    if (open >= 0) this.open(open);
    else this.dialog.close();
    return true;
  }

  change(state) {
    this.state = state;
    this.update();
    this.keep();
  }

  /* Write the state into the address, where browsers allow only so many changes a second. */
  keep() {
    clearTimeout(this.keeping);
    this.keeping = setTimeout(() =>
      history.replaceState(null, "", writeFragment(this.state, KEY)), 150);
  }

  /* ---- results ---- */

  update() {
    const { run, found, tally } = select(this.columns, this.state);
    this.run = run;
    this.found = found;
    this.pages = Math.max(1, Math.ceil(found.length / PAGE_SIZE));
    this.controls.count(tally);
    this.showPage(Number(this.state.page));
  }

  turn(page) {
    this.showPage(page);
    this.keep();
    if (this.results.getBoundingClientRect().top < 0) this.results.scrollIntoView();
  }

  showPage(page) {
    const { columns, run, found, pages, results } = this;
    this.page = Math.min(pages, Math.max(1, Math.trunc(page) || 1));
    this.state.page = `${this.page}`;
    const start = (this.page - 1) * PAGE_SIZE;
    const shown = found.slice(start, start + PAGE_SIZE);
    this.cards.replaceChildren(...shown.map((i) => card(columns, run, i, this.pictures)));
    this.cards.hidden = found.length === 0;
    this.buttons().forEach((button, place) => { button.tabIndex = place ? -1 : 0; });
    const span = `, ${number(start + 1)} to ${number(start + shown.length)} shown`;
    results.querySelector('[role="status"]').textContent =
      `${number(found.length)} of ${number(columns.count)} images${pages > 1 ? span : ""}`;
    results.querySelector(".told").textContent = this.controls.describe(this.state, run);
    results.querySelector(".none").hidden = found.length > 0;
    this.showPager();
  }

  showPager() {
    const { page, pages, pager } = this;
    pager.hidden = pages === 1;
    pager.querySelector("input").value = page;
    pager.querySelector("input").max = pages;
    pager.querySelector("label span").textContent = `of ${number(pages)}`;
    for (const button of pager.querySelectorAll("button")) {
      const back = ["first", "previous"].includes(button.dataset.go);
      button.disabled = page === (back ? 1 : pages);
    }
  }

  /* ---- keyboard ---- */

  buttons() {
    return [...this.cards.querySelectorAll("button")];
  }

  /* The cards are one stop of the Tab key; the arrows move among them. */
  moveAmongCards(event) {
    const buttons = this.buttons();
    const place = buttons.indexOf(event.target.closest("button"));
    const top = (button) => button.parentElement.offsetTop;
    const second = buttons.findIndex((one) => top(one) !== top(buttons[0]));
    const row = second < 0 ? buttons.length : second;
    const to = {
      ArrowLeft: place - 1, ArrowRight: place + 1, ArrowUp: place - row, ArrowDown: place + row,
      Home: 0, End: buttons.length - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    if (buttons[to]) this.focusCard(buttons[to]);
  }

  focusCard(button) {
    for (const one of this.buttons()) one.tabIndex = one === button ? 0 : -1;
    button.focus();
  }

  /* ---- detail ---- */

  listenToDialog() {
    const { dialog } = this;
    dialog.querySelector(".close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close(); // beside it
      else if (event.target.dataset.step) this.step(Number(event.target.dataset.step));
      else this.openCard(event);
    });
    dialog.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step && !event.target.closest(".scroll")) this.step(step);
    });
    dialog.addEventListener("close", () => {
      const button = this.cards.querySelector(`[data-image="${this.shown}"]`);
      this.state.image = "";
      this.keep();
      if (button) this.focusCard(button);
    });
  }

  openCard(event) {
    const button = event.target.closest("button[data-image]");
    if (button) this.open(Number(button.dataset.image));
  }

  open(i) {
    const { columns, run, dialog, found } = this;
    this.shown = i;
    const place = found.indexOf(i);
    dialog.querySelector("h3").textContent = columns.image[i];
    dialog.querySelector(".place").textContent =
      place < 0 ? "not among the results" : `${number(place + 1)} of ${number(found.length)}`;
    for (const button of dialog.querySelectorAll("[data-step]")) {
      button.disabled = place < 0 || found[place + Number(button.dataset.step)] === undefined;
    }
    dialog.querySelector(".content").replaceChildren(...detail(columns, run, i, this.pictures));
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
    this.state.image = columns.image[i];
    this.keep();
  }

  /* To the image before or after in the results, and to the page that it is on. */
  step(by) {
    const place = this.found.indexOf(this.shown);
    const next = this.found[place + by];
    if (place < 0 || next === undefined) return;
    const page = Math.floor((place + by) / PAGE_SIZE) + 1;
    if (page !== this.page) this.turn(page);
    this.open(next);
  }
}

/* A page is read from its top: the browser starts when there is time, or at once for a link. */
const start = lazy(() => {
  performance.mark("browser-start");
  const browser = new Browser(document.querySelector(".browser"));
  performance.mark("browser-ready");
  return browser;
});

if (readFragment(location.hash, KEY)) start();
else if ("requestIdleCallback" in window) requestIdleCallback(start, { timeout: 500 });
else setTimeout(start);
addEventListener("hashchange", start);
addEventListener("beforeprint", start);
