"use strict";
(() => {
  const specs = JSON.parse(document.getElementById("specs").textContent);
  const settings = { responsive: true, displayModeBar: false, scrollZoom: false, doubleClick: false };
  for (const plot of document.querySelectorAll(".plot")) {
    const spec = specs[Number(plot.dataset.figure)];
    Plotly.newPlot(plot, spec.data, spec.layout, settings).then(() => plot.setAttribute("data-drawn", "yes"));
  }

  // Sorting: missing figures stay last whichever way a column is sorted.
  const live = document.getElementById("live");
  const value = (row, column) => {
    const cell = row.cells[column];
    return "sort" in cell.dataset ? cell.dataset.sort : cell.textContent.trim();
  };
  const order = (a, b, sign) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    const numbers = [Number(a), Number(b)];
    return sign * (numbers.some(Number.isNaN) ? a.localeCompare(b) : numbers[0] - numbers[1]);
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = head.querySelector("button");
      button.addEventListener("click", () => {
        const now = head.getAttribute("aria-sort");
        const other = button.dataset.first === "ascending" ? "descending" : "ascending";
        const next = now === button.dataset.first ? other : button.dataset.first;
        heads.forEach((one) => one.setAttribute("aria-sort", "none"));
        head.setAttribute("aria-sort", next);
        const sign = next === "ascending" ? 1 : -1;
        const rows = [...table.tBodies[0].rows];
        rows.sort((a, b) => order(value(a, column), value(b, column), sign));
        table.tBodies[0].append(...rows);
        live.textContent = `Sorted by ${button.textContent.trim()}, ${next}`;
      });
    });
  }

  // Definitions: one tip for all headings, shown on hover and on focus, hidden by Escape.
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
