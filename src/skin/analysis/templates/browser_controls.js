/* The form of filters: what it offers, and the state that it stands for. */

function option(value, text) {
  return make("option", { value }, text);
}

function number(value) {
  return value.toLocaleString("en");
}

class Controls {
  constructor(form, columns) {
    this.form = form;
    this.columns = columns;
    this.fill();
  }

  fill() {
    const { run, true: ofTrue, decided, fold } = this.form.elements;
    const { classes, codes, runs } = this.columns;
    run.append(...runs.map(({ name }) => option(name, name)));
    for (const control of [ofTrue, decided]) {
      control.append(option("", "any"),
        ...classes.map(({ code, name }) => option(code, `${code} ${name}`)));
      if (codes.length > 2 && classes.some((one) => one.malignant)) {
        control.append(option("malignant", "all malignant"), option("benign", "all benign"));
      }
    }
    fold.append(option("", "any"), ...this.columns.folds().map((one) => option(`${one}`, one)));
    // What the choices are called before a count is added.
    for (const one of [ofTrue, decided, fold].flatMap((control) => [...control.options])) {
      one.dataset.text = one.textContent;
    }
    this.fillOthers();
  }

  fillOthers() {
    const { others, sort } = this.form.elements;
    const { runs } = this.columns;
    if (runs.length < 2) {
      others.closest("label").hidden = true;
      sort.querySelector('[value="runs"]').remove();
    }
    others.append(
      option("", "whatever they decide"), option("all-wrong", `wrong in all ${runs.length} runs`),
      option("all-right", `right in all ${runs.length} runs`),
      option("split", "right in some, wrong in others"));
    for (const { name } of runs) {
      others.append(make("optgroup", { label: name }, option(`right:${name}`, `right in ${name}`),
        option(`wrong:${name}`, `wrong in ${name}`),
        option(`differs:${name}`, `decided otherwise in ${name}`)));
    }
  }

  /* Show a state, and give it without what no control offers, as a class of another task. */
  show(given) {
    const { elements } = this.form;
    const state = { ...given };
    for (const name of ["run", "true", "decided", "fold", "others", "sort"]) {
      elements[name].value = state[name];
      if (elements[name].selectedIndex < 0) {
        elements[name].selectedIndex = 0;
        state[name] = START[name];
      }
    }
    const shows = [...elements.show].map((one) => one.value);
    if (!shows.includes(state.show)) state.show = START.show;
    elements.show.value = state.show;
    elements.q.value = state.q;
    for (const name of ["p", "pt"]) {
      const [low, high] = state[name] ? readRange(state[name]) : [0, 1];
      elements[`${name}_low`].value = low === 0 ? "" : low;
      elements[`${name}_high`].value = high === 1 ? "" : high;
    }
    return state;
  }

  read() {
    const { elements } = this.form;
    const range = (name) => {
      const [low, high] = ["low", "high"].map((end) => elements[`${name}_${end}`].value);
      return low || high ? `${low}-${high}` : "";
    };
    const plain = ["show", "true", "decided", "fold", "others", "sort"];
    return {
      ...START,
      ...Object.fromEntries(plain.map((name) => [name, elements[name].value])),
      run: elements.run.selectedIndex > 0 ? elements.run.value : START.run,
      p: range("p"),
      pt: range("pt"),
      q: elements.q.value.trim(),
    };
  }

  count(tally) {
    for (const name of ["true", "decided", "fold"]) {
      for (const one of this.form.elements[name].options) {
        one.textContent = `${one.dataset.text} (${number(tally.of(name, one.value))})`;
      }
    }
    for (const one of this.form.querySelectorAll("[data-count]")) {
      one.textContent = number(tally.of("show", one.dataset.count));
    }
  }

  /* A state in words, for those who read the page on paper. */
  describe(state, run) {
    const chosen = (name) => this.form.elements[name].selectedOptions[0];
    const ends = (text) => readRange(text).join(" to ");
    return [
      `${run.name}, decision ${state.show}`,
      state.true && `true class ${chosen("true").dataset.text}`,
      state.decided && `decided ${chosen("decided").dataset.text}`,
      state.fold && `fold ${state.fold}`,
      state.others && chosen("others").textContent,
      state.p && `probability of the decided class ${ends(state.p)}`,
      state.pt && `probability of the true class ${ends(state.pt)}`,
      state.q && `ids with ${state.q}`,
      chosen("sort").textContent,
    ].filter(Boolean).join("; ");
  }
}
