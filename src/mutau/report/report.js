"use strict";
/* The table: sorted and filtered. The plane: drawn by plotly, curves and years switched. */
(() => {
  const byId = (id) => document.getElementById(id);
  document.documentElement.classList.add("js");
  for (const item of document.querySelectorAll(".live")) item.hidden = false;

  window.addEventListener("beforeprint", () => {
    for (const item of document.querySelectorAll("section > details")) item.open = true;
  });

  /* --- table ------------------------------------------------------------------------------- */
  const table = byId("rows");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const filters = ["words", "verdict", "paper"].map((name) => byId(`filter-${name}`));

  function filter() {
    const [words, verdict, paper] = filters.map((item) => item.value);
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const kept = wanted.every((word) => text.includes(word)) &&
        (!verdict || row.dataset.verdict === verdict) && (!paper || row.dataset.paper === paper);
      row.hidden = !kept;
      shown += kept;
    }
    byId("count").textContent = `${shown} of ${rows.length} numbers`;
  }
  for (const item of filters)
    for (const kind of ["input", "change"]) item.addEventListener(kind, filter);

  function sort(key, descending) {
    const value = (row) => row.dataset[key];
    const numeric = rows.every((row) => value(row) === "" || !isNaN(value(row)));
    const compare = (a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === "" || y === "") return (x === "") - (y === "");  // without a value: at the end
      const order = numeric ? x - y : x.localeCompare(y);
      return descending ? -order : order;
    };
    body.append(...rows.sort((a, b) => compare(a, b) || a.dataset.order - b.dataset.order));
    for (const button of table.querySelectorAll("th button")) {
      const ours = button.dataset.key === key;
      button.parentElement.setAttribute("aria-sort",
        ours ? (descending ? "descending" : "ascending") : "none");
    }
  }
  for (const button of table.querySelectorAll("th button")) {
    button.addEventListener("click", () => sort(button.dataset.key,
      button.parentElement.getAttribute("aria-sort") === "ascending"));
  }
  byId("sort").addEventListener("change", (event) => sort(event.target.value, false));
  filter();

  /* --- plane ------------------------------------------------------------------------------- */
  const drawing = byId("plane-drawing");
  if (!drawing || !window.Plotly) return;
  const plane = JSON.parse(byId("plane-data").textContent);
  const on = Object.fromEntries(plane.curves.map((curve) => [curve.group, true]));
  let year = plane.year;
  byId("plane-static").hidden = true;

  const narrow = window.matchMedia("(max-width: 60rem)");
  // plotly writes into what it is given; ours stays as it was, to come back to
  const layout = { ...structuredClone(plane.layout), showlegend: !narrow.matches };
  Plotly.newPlot(drawing, structuredClone(plane.data), layout, {
    responsive: true, displaylogo: false, doubleClick: "reset", scrollZoom: false,
    plotlyServerURL: "",  // nothing leaves the page: there is no button that sends it anywhere
    modeBarButtons: [["toImage"], ["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]],
    toImageButtonOptions: { format: "svg", filename: "plane" },
  });
  narrow.addEventListener("change", () =>
    Plotly.relayout(drawing, { showlegend: !narrow.matches }));

  function show() {
    const visible = plane.data.map((trace) => {
      if (trace.meta.year !== null && trace.legendgroup === "gm2" && trace.meta.year !== year)
        return false;
      return on[trace.legendgroup] ? true : "legendonly";
    });
    Plotly.restyle(drawing, { visible });
    for (const box of document.querySelectorAll("#plane-curves input"))
      box.checked = on[box.value];
    const chosen = plane.years.find((item) => item.year === year);
    if (chosen) byId("plane-year-note").innerHTML = chosen.note;
  }
  drawing.on("plotly_legendclick", (event) => {
    const group = plane.data[event.curveNumber].legendgroup;
    on[group] = !on[group];
    show();
    return false;  // the page keeps the state, so that legend and boxes always agree
  });
  drawing.on("plotly_legenddoubleclick", (event) => {
    const group = plane.data[event.curveNumber].legendgroup;
    const alone = Object.keys(on).every((name) => on[name] === (name === group));
    for (const name of Object.keys(on)) on[name] = alone || name === group;
    show();
    return false;
  });
  for (const box of document.querySelectorAll("#plane-curves input")) {
    box.addEventListener("change", () => { on[box.value] = box.checked; show(); });
  }
  for (const button of document.querySelectorAll("button[data-curves]")) {
    button.addEventListener("click", () => {
      const which = button.dataset.curves;
      for (const curve of plane.curves)
        on[curve.group] = which === "all" || (which === "ours" && curve.role === "ours");
      show();
    });
  }
  for (const choice of document.querySelectorAll("input[name=year]")) {
    choice.addEventListener("change", () => { year = Number(choice.value); show(); });
  }
  byId("plane-reset").addEventListener("click", () => Plotly.relayout(drawing, {
    "xaxis.range": plane.layout.xaxis.range, "yaxis.range": plane.layout.yaxis.range }));
  show();
})();
