"use strict";
// What is better with a script: filters, sorting, highlights, downloads, and the view in the URL's fragment.
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  document.documentElement.classList.add("scripted");

  // The view: key -> value; what is not there is as the page begins.
  const state = new URLSearchParams();

  function remember(key, value) {
    if (value) state.set(key, value);
    else state.delete(key);
    const words = state.toString();
    history.replaceState(null, "", words ? `#${words}` : location.pathname + location.search);
  }

  // Filters.

  function filter() {
    const wanted = (kind) => state.get(kind) || "";
    for (const one of all("[data-dataset]")) {
      const { dataset, model } = one.dataset;
      one.classList.toggle("hidden", Boolean(
        (wanted("dataset") && wanted("dataset") !== dataset) || (wanted("model") && wanted("model") !== model)));
    }
    for (const one of all("[data-method]")) {
      one.classList.toggle("hidden", Boolean(wanted("method")) && one.dataset.method !== wanted("method"));
    }
  }

  // Which of two rows to compare: the columns of the others, and settings in which the two agree, are hidden.

  function compare(form) {
    const table = document.getElementById(form.dataset.table);
    const picked = all("select", form).map((one) => one.selectedIndex).filter((index) => index > 0);
    for (const line of table.rows) {
      const cells = [...line.cells];
      cells.forEach((cell, index) => cell.classList.toggle("hidden", picked.length === 2 && index > 0 && !picked.includes(index)));
      const values = picked.map((index) => cells[index].textContent);
      const equal = picked.length === 2 && values[0] === values[1];
      if (line.parentElement.tagName === "TBODY") line.classList.toggle("hidden", equal);
    }
  }

  function choose(select) {
    const form = select.closest(".compare");
    if (form) compare(form);
    else filter();
  }

  for (const select of all("select[data-state]")) {
    select.addEventListener("change", () => {
      remember(select.dataset.state, select.value);
      choose(select);
    });
  }

  // Panels: one kind of choice is the same in all figures.

  function pick(kind, value) {
    for (const one of all("input.choice")) if (one.dataset.kind === kind && one.value === value) one.checked = true;
  }

  for (const input of all("input.choice")) {
    input.addEventListener("change", () => {
      remember(input.dataset.kind, input.value);
      pick(input.dataset.kind, input.value);
    });
  }

  // Sorting by a click on a head: numbers by their value, missing ones last.

  function number(cell) {
    const found = cell.textContent.replace(/,/g, "").match(/-?\d+(\.\d+)?(e[+-]?\d+)?/i);
    return found ? Number(found[0]) : NaN;
  }

  function sort(table, column, direction) {
    const body = table.tBodies[0];
    const sign = direction === "descending" ? -1 : 1;
    const value = (line) => {
      const cell = line.cells[column];
      const plot = cell.querySelector("svg title");
      const shown = plot ? { textContent: plot.textContent.replace(/^.*: mean/s, "") } : cell;
      return cell.tagName === "TH" || cell.classList.contains("words") ? cell.textContent : number(shown);
    };
    const lines = [...body.rows].map((line, index) => [value(line), index, line]);
    lines.sort(([a, i], [b, j]) => {
      if (typeof a === "string") return sign * a.localeCompare(b, undefined, { numeric: true }) || i - j;
      if (isNaN(a) || isNaN(b)) return isNaN(a) - isNaN(b) || i - j;
      return sign * (a - b) || i - j;
    });
    for (const [, , line] of lines) body.append(line);
    [...table.tHead.rows[0].cells].forEach((head, index) => {
      if (index === column) head.setAttribute("aria-sort", direction);
      else head.removeAttribute("aria-sort");
    });
  }

  for (const table of all("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const act = () => {
        const direction = head.getAttribute("aria-sort") === "descending" ? "ascending" : "descending";
        sort(table, column, direction);
        remember(`sort-${table.id}`, `${column}.${direction}`);
      };
      head.tabIndex = 0;
      head.addEventListener("click", act);
      head.addEventListener("keydown", (event) => {
        if (event.key === "Enter") act();
      });
    });
  }

  // The row under the pointer stands out in every figure of its section.

  function highlight(target) {
    const own = target && target.closest ? target.closest("[data-row]") : null;
    const section = own && own.closest("section");
    for (const one of all(".dimmed")) one.classList.remove("dimmed");
    if (!section || section.id === "profiles") return;
    for (const one of all("g[data-row], .legend [data-row]", section)) {
      one.classList.toggle("dimmed", one.dataset.row !== own.dataset.row);
    }
  }

  let last = null;
  document.addEventListener("pointerover", (event) => {
    const own = event.target.closest ? event.target.closest("[data-row]") : null;
    if (own !== last) highlight((last = own));
  });

  // Downloads.

  let files = null;
  for (const button of all("button[data-download]")) {
    button.addEventListener("click", () => {
      files = files || JSON.parse(document.getElementById("downloads").textContent);
      const name = button.dataset.download;
      const type = name.endsWith(".json") ? "application/json" : "text/csv";
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([files[name]], { type }));
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    });
  }

  // On paper nothing unfolds.

  let folded = [];
  addEventListener("beforeprint", () => {
    folded = all("details:not([open])");
    for (const one of folded) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of folded) one.open = false;
  });

  // A fragment without "=" is an anchor of the page and no view.

  function show() {
    const words = location.hash.slice(1);
    if (!words.includes("=")) return;
    for (const [key, value] of new URLSearchParams(words)) {
      state.set(key, value);
      const select = all("select[data-state]").find((one) => one.dataset.state === key);
      if (select) {
        select.value = value;
        const folded = select.closest("details");
        if (folded && value) folded.open = true;
        choose(select);
      } else if (key.startsWith("sort-")) {
        const table = document.getElementById(key.slice(5));
        const [column, direction] = value.split(".");
        const known = ["ascending", "descending"].includes(direction);
        if (known && table && table.tHead && table.tHead.rows[0].cells[column]) sort(table, Number(column), direction);
      } else {
        pick(key, value);
      }
    }
  }

  show();
  addEventListener("hashchange", show);

  // A page that is made anew loads itself again: the view is in the fragment, what is unfolded in the history's entry.

  const renewal = document.getElementById("renewal");
  if (renewal) {
    const place = (one) => {
      const home = one.parentElement.closest("[id]");
      return `${home ? home.id : ""} ${all("details", home || document).indexOf(one)}`;
    };
    const unfolded = (history.state && history.state.unfolded) || [];
    for (const one of all("details")) if (unfolded.includes(place(one))) one.open = true;
    setTimeout(() => {
      history.replaceState({ unfolded: all("details[open]").map(place) }, "");
      location.reload();
    }, 1000 * Number(renewal.dataset.seconds));
  }
})();
