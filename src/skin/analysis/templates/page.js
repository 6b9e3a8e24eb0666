/* Behaviours of every page: tables sort at their heads, and what is folded away opens when it is
   asked for or printed. The page is whole without them. */
(() => {
  "use strict";

  const EMPTY = new Set(["", "\u2014", "\u00b7", "n/a"]);

  /* What a cell sorts by: its `data-value`, or else its text without the small second line. */
  function sortText(cell) {
    if (cell.dataset.value !== undefined) return cell.dataset.value.trim();
    const copy = cell.cloneNode(true);
    for (const small of copy.querySelectorAll("small")) small.remove();
    return copy.textContent.trim();
  }

  /* "1,234", "−0.5" and "12 %" are numbers; null for what is none. */
  function toNumber(text) {
    const plain = text.replace(/\u2212/g, "-").replace(/(\d),(?=\d{3})/g, "$1")
      .replace(/\s*%$/, "");
    return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain) ? Number(plain) : null;
  }

  /* A column's values by row: numbers if all that are there are numbers; null where empty. */
  function columnValues(rows, column) {
    const texts = rows.map((row) => (row.cells[column] ? sortText(row.cells[column]) : ""));
    const there = texts.filter((text) => !EMPTY.has(text));
    const numeric = there.length > 0 && there.every((text) => toNumber(text) !== null);
    const values = texts.map((text) =>
      EMPTY.has(text) ? null : numeric ? toNumber(text) : text);
    return { values, numeric };
  }

  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

  /* Order rows by a column; equal ones keep their order either way, and empty ones go last. */
  function ordered(rows, column, descending) {
    const { values, numeric } = columnValues(rows, column);
    const sign = descending ? -1 : 1;
    const compare = (a, b) => {
      if (values[a] === null || values[b] === null) {
        return (values[a] === null) - (values[b] === null);
      }
      return sign * (numeric ? values[a] - values[b] : collator.compare(values[a], values[b]));
    };
    return rows.map((_, i) => i).sort(compare).map((i) => rows[i]);
  }

  const ARROWS = { ascending: "\u2191", descending: "\u2193" };

  /* The arrow stands beside the head's text without moving it, in the cell's padding. */
  function showDirection(head, direction) {
    const arrow = head.querySelector(".sort-arrow");
    if (direction) head.setAttribute("aria-sort", direction);
    else head.removeAttribute("aria-sort");
    if (arrow) arrow.textContent = ARROWS[direction] ?? "";
  }

  function makeSortable(table) {
    const bodies = [...table.tBodies].map((body) => ({ body, rows: [...body.rows] }));
    const heads = table.tHead ? [...table.tHead.querySelectorAll('th[scope="col"]')] : [];

    function sortBy(head, direction) {
      for (const other of heads) showDirection(other, other === head ? direction : null);
      for (const { body, rows } of bodies) {
        const sorted = direction ? ordered(rows, head.cellIndex, direction === "descending") : rows;
        body.append(...sorted);
      }
    }

    for (const head of heads) {
      if (!head.textContent.trim()) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      const arrow = document.createElement("span");
      arrow.className = "sort-arrow";
      arrow.ariaHidden = "true";
      arrow.style.cssText = "position: absolute; margin-left: .15em";
      button.append(...head.childNodes, arrow);
      head.append(button);
      button.addEventListener("click", () => {
        const all = bodies.flatMap(({ rows }) => rows);
        // Figures are asked for by the largest, names from A; a third press restores the order.
        const first = columnValues(all, head.cellIndex).numeric ? "descending" : "ascending";
        const second = first === "ascending" ? "descending" : "ascending";
        const now = head.getAttribute("aria-sort");
        sortBy(head, now === null ? first : now === first ? second : null);
      });
    }
  }

  function openAround(element) {
    for (let one = element; one; one = one.parentElement) {
      if (one instanceof HTMLDetailsElement) one.open = true;
    }
  }

  function openTarget() {
    const target = document.getElementById(location.hash.slice(1).split("?")[0]);
    if (!target?.closest("details")) return;
    openAround(target);
    target.scrollIntoView();
  }

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const one of opened) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of opened) one.open = false;
    opened = [];
  });
  addEventListener("hashchange", openTarget);
  for (const table of document.querySelectorAll("table.sortable")) makeSortable(table);
  openTarget();
})();
