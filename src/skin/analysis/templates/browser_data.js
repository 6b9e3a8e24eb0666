/* The browser's model: columns, filters and orders. It touches no document. */

/* Unsigned integers from base64, little-endian, as every browser's platform is. */
function unpack(base64, ArrayType) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return new ArrayType(bytes.buffer);
}

/* A run or an ensemble: what it decides, and its probabilities in the order of the classes. */
class Run {
  constructor(raw, scale, target, classes) {
    this.name = raw.name;
    this.rule = raw.rule;
    this.marks = raw.marks;
    this.target = target;
    this.classes = classes;
    this.decided = unpack(raw.decided, Uint8Array);
    this.scale = scale;
    this.stored = unpack(raw.probability, Uint16Array);
  }

  probability(i, classIndex) {
    return this.stored[i * this.classes + classIndex] / this.scale;
  }

  isTied(i) {
    return this.decided[i] === this.classes;
  }

  isRight(i) {
    return this.decided[i] === this.target[i];
  }

  /* Of the class decided for; of the largest where that is a tie. */
  ofDecided(i) {
    if (!this.isTied(i)) return this.probability(i, this.decided[i]);
    const start = i * this.classes;
    return Math.max(...this.stored.subarray(start, start + this.classes)) / this.scale;
  }

  ofTrue(i) {
    return this.probability(i, this.target[i]);
  }

  /* Shannon's, in bits. */
  entropy(i) {
    let sum = 0;
    for (let c = 0; c < this.classes; c += 1) {
      const share = this.probability(i, c);
      if (share > 0) sum -= share * Math.log2(share);
    }
    return sum;
  }
}

class Columns {
  constructor(raw) {
    this.side = raw.side;
    this.classes = raw.classes;
    this.codes = raw.classes.map((one) => one.code);
    this.image = raw.image;
    this.count = raw.image.length;
    this.lesions = raw.lesions;
    this.lesion = unpack(raw.lesion, Uint32Array);
    this.fold = unpack(raw.fold, Uint16Array);
    this.target = unpack(raw.target, Uint8Array);
    this.runs = raw.runs.map((run) => new Run(run, raw.scale, this.target, this.codes.length));
    this.facts = Object.entries(raw.facts).map(([name, { values, index }]) => {
      const places = unpack(index, Uint16Array);
      return { name, of: (i) => values[places[i]] ?? null };
    });
  }

  runNamed(name) {
    return this.runs.find((run) => run.name === name);
  }

  folds() {
    return [...new Set(this.fold)].sort((a, b) => a - b);
  }

  ofLesion(lesion) {
    return [...this.image.keys()].filter((i) => this.lesion[i] === lesion);
  }

  wrongRuns(i) {
    return this.runs.filter((run) => !run.isRight(i)).length;
  }
}

/* Each order by what it sorts, upwards; `-` before its key turns it round. */
const ORDERS = {
  confidence: (columns, run) => (i) => -run.ofDecided(i),
  truth: (columns, run) => (i) => run.ofTrue(i),
  entropy: (columns, run) => (i) => -run.entropy(i),
  runs: (columns) => (i) => -columns.wrongRuns(i),
  id: () => (i) => i,
};

/* A view of the columns: what a link keeps, and what the controls show. */
const START = {
  run: "", show: "wrong", true: "", decided: "", fold: "", others: "",
  p: "", pt: "", q: "", sort: "confidence", page: "1", image: "",
};

/* The state that a fragment such as `#browser?true=MEL&decided=NV` stands for; null for another. */
function readFragment(fragment, key) {
  const [id, query] = fragment.replace(/^#/, "").split("?");
  if (id !== key || query === undefined) return null;
  const given = new URLSearchParams(query);
  return Object.fromEntries(
    Object.entries(START).map(([name, value]) => [name, given.get(name) ?? value]));
}

function writeFragment(state, key) {
  const changed = Object.entries(state).filter(([name, value]) => value !== START[name]);
  return `#${key}?${new URLSearchParams(changed)}`;
}

/* Both ends of "0.2-0.9", where an end may be missing. */
function readRange(text) {
  const [low, high] = text.split("-");
  const end = (given, missing) => {
    const number = given ? Number(given) : missing;
    return Number.isFinite(number) ? number : missing;
  };
  return [end(low, 0), end(high, 1)];
}

/* Whether a class is the chosen one, or of the chosen kind. */
function classTest(columns, chosen) {
  if (chosen === "malignant" || chosen === "benign") {
    return (c) => c < columns.codes.length
      && columns.classes[c].malignant === (chosen === "malignant");
  }
  return (c) => columns.codes[c] === chosen;
}

function showTest(run, show) {
  return {
    right: (i) => run.isRight(i),
    wrong: (i) => !run.isRight(i),
    tied: (i) => run.isTied(i),
  }[show];
}

function othersTest(columns, run, chosen) {
  const all = columns.runs.length;
  if (chosen === "all-wrong") return (i) => columns.wrongRuns(i) === all;
  if (chosen === "all-right") return (i) => columns.wrongRuns(i) === 0;
  if (chosen === "split") return (i) => columns.wrongRuns(i) > 0 && columns.wrongRuns(i) < all;
  const [kind, ...rest] = chosen.split(":");
  const other = columns.runNamed(rest.join(":"));
  return other && {
    right: (i) => other.isRight(i),
    wrong: (i) => !other.isRight(i),
    differs: (i) => other.decided[i] !== run.decided[i],
  }[kind];
}

/* Probabilities are stored to within half a step, so ends are widened by as much. */
function rangeTest(text, value) {
  if (!text) return undefined;
  const [low, high] = readRange(text);
  const slack = 1e-5;
  return (i) => value(i) >= low - slack && value(i) <= high + slack;
}

/* Any of the given words in the image's or the lesion's id. */
function searchTest(columns, text) {
  const words = text.toLowerCase().split(/[\s,;]+/).filter(Boolean);
  if (!words.length) return undefined;
  return (i) => {
    const ids = `${columns.image[i]} ${columns.lesions[columns.lesion[i]]}`.toLowerCase();
    return words.some((word) => ids.includes(word));
  };
}

/* The filters of a state by name; a name without one lets all images through. */
function tests(columns, state) {
  const run = columns.runNamed(state.run) ?? columns.runs[0];
  const ofTarget = classTest(columns, state.true);
  const ofDecided = classTest(columns, state.decided);
  return {
    show: showTest(run, state.show),
    true: state.true ? (i) => ofTarget(columns.target[i]) : undefined,
    decided: state.decided ? (i) => ofDecided(run.decided[i]) : undefined,
    fold: state.fold ? (i) => String(columns.fold[i]) === state.fold : undefined,
    others: othersTest(columns, run, state.others),
    p: rangeTest(state.p, (i) => run.ofDecided(i)),
    pt: rangeTest(state.pt, (i) => run.ofTrue(i)),
    q: searchTest(columns, state.q),
  };
}

/* What each choice of a control would find under all other filters. */
class Tally {
  constructor() {
    this.counts = new Map();
  }

  add(control, choice) {
    const key = `${control}:${choice}`;
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
  }

  of(control, choice) {
    return this.counts.get(`${control}:${choice}`) ?? 0;
  }
}

/* The images of a state in its order, and the tally of the controls that list their choices. */
function select(columns, state) {
  const run = columns.runNamed(state.run) ?? columns.runs[0];
  const filters = Object.entries(tests(columns, state)).filter(([, test]) => test);
  const choices = {
    show: (i) => ["all", run.isRight(i) ? "right" : "wrong", ...(run.isTied(i) ? ["tied"] : [])],
    true: (i) => classChoices(columns, columns.target[i]),
    decided: (i) => classChoices(columns, run.decided[i]),
    fold: (i) => ["", columns.fold[i]],
  };
  const found = [];
  const tally = new Tally();
  for (let i = 0; i < columns.count; i += 1) {
    const failed = filters.filter(([, test]) => !test(i)).map(([name]) => name);
    if (!failed.length) found.push(i);
    if (failed.length > 1) continue;
    // An image that only one control keeps out would be found under that one's other choices.
    for (const control of failed.length ? failed : Object.keys(choices)) {
      for (const choice of choices[control]?.(i) ?? []) tally.add(control, choice);
    }
  }
  return { run, found: sorted(columns, run, found, state.sort), tally };
}

function classChoices(columns, c) {
  if (c >= columns.codes.length) return [""];
  return ["", columns.codes[c], columns.classes[c].malignant ? "malignant" : "benign"];
}

/* Equal ones stay in the order of their ids, whichever way they are sorted. */
function sorted(columns, run, found, sort) {
  const sign = sort.startsWith("-") ? -1 : 1;
  const order = ORDERS[sort.replace(/^-/, "")] ?? ORDERS.confidence;
  const value = order(columns, run);
  const keys = new Map(found.map((i) => [i, value(i)]));
  return found.sort((a, b) => sign * (keys.get(a) - keys.get(b)) || a - b);
}
