/* One image: what every run makes of it, what is known of it, and its lesion's other images. */

const FACTS = { age: "Age", sex: "Sex", site: "Site", dx_type: "Confirmed by", dx: "Diagnosis" };
const SIGNS = { right: "\u2713", wrong: "\u2717", tied: "=" };

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function outcome(run, i) {
  if (run.isTied(i)) return "tied";
  return run.isRight(i) ? "right" : "wrong";
}

function decidedName(columns, run, i) {
  return run.isTied(i) ? "tied" : columns.codes[run.decided[i]];
}

function share(value) {
  return value.toFixed(3);
}

/* A picture, or a field that says there is none. */
function picture(columns, pictures, i) {
  const data = pictures()[i];
  if (!data) return make("span", { class: "no-picture" }, "no picture");
  return make("img", {
    src: `data:image/webp;base64,${data}`,
    alt: `Photograph ${columns.image[i]}: ${columns.classes[columns.target[i]].name}`,
  });
}

/* An image in the grid: true class and decided one, and the latter's probability. */
function card(columns, run, i, pictures) {
  const code = columns.codes[columns.target[i]];
  const decided = decidedName(columns, run, i);
  const result = outcome(run, i);
  const value = share(run.ofDecided(i));
  const name = `${columns.image[i]}: true ${code}, decided ${decided}, ${value}, ${result}`;
  const words = make("span", { class: "words" },
    make("span", { class: `sign ${result}` }, SIGNS[result]),
    make("span", { class: "classes" },
      result === "right" ? code : `${code} \u2192 ${decided}`),
    make("span", { class: "share" }, value));
  const button = make("button", { type: "button", "data-image": i, "aria-label": name });
  if (columns.side) button.append(picture(columns, pictures, i));
  button.append(words, make("span", { class: "id" }, columns.image[i]));
  return make("li", {}, button);
}

function factList(columns, i, siblings) {
  const { name, code, malignant } = columns.classes[columns.target[i]];
  const known = columns.facts.map((fact) => [FACTS[fact.name], fact.of(i)]);
  const lesion = columns.lesions[columns.lesion[i]];
  const count = siblings.length === 1 ? "its only image" : `${siblings.length} images`;
  const facts = [
    ["True class", `${code} ${name}, ${malignant ? "malignant" : "benign"}`],
    ...known.map(([head, value]) => [head, value?.replace(/_/g, " ") ?? "not known"]),
    ["Lesion", `${lesion} (${count})`],
    ["Held out in", `fold ${columns.fold[i]}`],
  ];
  return make("dl", {}, ...facts.map(([head, value]) =>
    make("div", {}, make("dt", {}, head), make("dd", {}, value))));
}

function shareCell(columns, run, i, c) {
  const value = run.probability(i, c);
  return make("td", run.decided[i] === c ? { class: "decided" } : {}, share(value),
    make("span", { class: "level", style: `--share:${value.toFixed(4)}` }));
}

/* Every run's probabilities as bars: a row a run, a column a class. */
function shareTable(columns, chosen, i) {
  const heads = columns.classes.map((one, c) => {
    const head = make("th", { scope: "col" }, make("abbr", { title: one.name }, one.code));
    if (c === columns.target[i]) {
      head.className = "true";
      head.append(make("small", {}, "true"));
    }
    return head;
  });
  const lines = columns.runs.map((run) => {
    const result = outcome(run, i);
    const head = make("th", { scope: "row" }, run.name);
    for (const mark of run.marks) head.append(" ", make("mark", {}, mark));
    if (run.rule) head.append(make("small", {}, `rule ${run.rule}`));
    const line = make("tr", run === chosen ? { class: "chosen" } : {}, head,
      make("td", { class: "text" }, make("span", { class: `sign ${result}` }, SIGNS[result]),
        ` ${decidedName(columns, run, i)}`, make("small", {}, result)));
    for (let c = 0; c < columns.codes.length; c += 1) line.append(shareCell(columns, run, i, c));
    line.append(make("td", {}, run.entropy(i).toFixed(2)));
    return line;
  });
  const table = make("table", { class: "shares" },
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Run"),
      make("th", { scope: "col", class: "text" }, "Decided"), ...heads,
      make("th", { scope: "col" }, "Entropy", make("small", {}, "bits")))),
    make("tbody", {}, ...lines));
  const region = { class: "scroll", tabindex: "0", role: "region", "aria-label": "Probabilities" };
  return make("div", region, table);
}

function detail(columns, run, i, pictures) {
  const siblings = columns.ofLesion(columns.lesion[i]);
  const others = siblings.filter((one) => one !== i);
  const top = make("div", { class: "known" });
  if (columns.side) top.append(picture(columns, pictures, i));
  top.append(factList(columns, i, siblings));
  const parts = [top, shareTable(columns, run, i)];
  if (columns.runs.some((one) => one.rule)) {
    parts.push(make("p", { class: "told" },
      "A run with a rule decides by the scores that the rule makes of its probabilities, so its "
      + "decision need not be its most probable class."));
  }
  if (others.length) {
    parts.push(make("h4", {}, "Other images of this lesion"), make("ul", { class: "cards" },
      ...others.map((one) => card(columns, run, one, pictures))));
  }
  return parts;
}
