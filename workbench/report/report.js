"use strict";
(() => {
  const specs = JSON.parse(document.getElementById("specs").textContent);
  const settings = { responsive: true, displayModeBar: false, scrollZoom: false, doubleClick: false };
  for (const plot of document.querySelectorAll(".plot")) {
    const spec = specs[Number(plot.dataset.figure)];
    Plotly.newPlot(plot, spec.data, spec.layout, settings).then(() => plot.setAttribute("data-drawn", "yes"));
  }

  // Sorting: every table; missing figures stay last whichever way a column is sorted. A column is sorted by numbers if
  // each of its cells begins with one ("1,024 → 512" counts as 1024), else by words.
  const live = document.getElementById("live");
  const text = (row, column) => {
    const cell = row.cells[column];
    const shown = "sort" in cell.dataset ? cell.dataset.sort : cell.textContent.trim();
    return shown === "\u2013" ? "" : shown;
  };
  const number = (shown) => {
    const found = /^[-+\u2212]?(\d[\d,]*\.?\d*|\.\d+)(e[-+]?\d+)?(?![\w.-])/i.exec(shown);
    return found ? Number(found[0].replace(/,/g, "").replace("\u2212", "-")) : NaN;
  };
  const sorted = (rows, column, sign) => {
    const keyed = rows.map((row) => ({ row, key: text(row, column) }));
    const numeric = keyed.every(({ key }) => key === "" || !Number.isNaN(number(key)));
    const order = (a, b) => (numeric ? number(a) - number(b) : a.localeCompare(b));
    return keyed.sort(({ key: a }, { key: b }) =>
      a === "" || b === "" ? (a === "") - (b === "") : sign * order(a, b)).map(({ row }) => row);
  };
  for (const table of document.querySelectorAll("table")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      let button = head.querySelector("button");
      if (!button) {
        button = document.createElement("button");
        button.type = "button";
        button.append(...head.childNodes);
        button.dataset.first = head.classList.contains("number") ? "descending" : "ascending";
        if (head.dataset.tip) { button.dataset.tip = head.dataset.tip; delete head.dataset.tip; }
        head.append(button);
        head.setAttribute("aria-sort", "none");
      }
      button.addEventListener("click", () => {
        const now = head.getAttribute("aria-sort");
        const other = button.dataset.first === "ascending" ? "descending" : "ascending";
        const next = now === button.dataset.first ? other : button.dataset.first;
        heads.forEach((one) => one.setAttribute("aria-sort", "none"));
        head.setAttribute("aria-sort", next);
        const sign = next === "ascending" ? 1 : -1;
        table.tBodies[0].append(...sorted([...table.tBodies[0].rows], column, sign));
        live.textContent = `Sorted by ${button.textContent.trim()}, ${next}`;
      });
    });
  }

  // Definitions: one tip for all headings, shown on hover and on focus, read out by screen readers, hidden by Escape.
  const tip = document.getElementById("tip");
  const hide = () => { tip.hidden = true; };
  const show = (button) => {
    tip.textContent = button.dataset.tip;
    tip.hidden = false;
    const at = button.getBoundingClientRect();
    const left = Math.min(Math.max(8, at.left), document.documentElement.clientWidth - tip.offsetWidth - 8);
    const above = at.top - tip.offsetHeight - 8;
    tip.style.left = `${left}px`;
    tip.style.top = `${above > 0 ? above : at.bottom + 8}px`;
  };
  for (const button of document.querySelectorAll("[data-tip]")) {
    if (!button.hasAttribute("aria-describedby")) button.setAttribute("aria-description", button.dataset.tip);
    button.addEventListener("mouseenter", () => show(button));
    button.addEventListener("focus", () => show(button));
    button.addEventListener("mouseleave", hide);
    button.addEventListener("blur", hide);
  }
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  window.addEventListener("scroll", hide, { capture: true, passive: true });

  // On paper everything is open, and plots have the width of the paper.
  const closed = [];
  window.addEventListener("beforeprint", () => {
    for (const one of document.querySelectorAll("details:not([open])")) { closed.push(one); one.open = true; }
    for (const plot of document.querySelectorAll(".plot")) Plotly.Plots.resize(plot);
  });
  window.addEventListener("afterprint", () => {
    for (const one of closed.splice(0)) one.open = false;
    for (const plot of document.querySelectorAll(".plot")) Plotly.Plots.resize(plot);
  });
})();
