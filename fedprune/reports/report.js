// Answers the reader: hover or arrow keys to read points, legend to choose methods, drag to zoom, headers to sort.

// ---- one chart and its reader ---------------------------------------------------------------------------------

function draw(chart) {
  const screen = Math.max(280, chart.holder.clientWidth || 640);
  const width = Math.round(printing ? (chart.holder.closest(".gallery, .study") ? PAGE / 2 - 12 : PAGE) : screen);
  chart.svg?.remove();
  const svg = add(chart.holder, "svg", { role: "img", "aria-label": chart.figure.alt, tabindex: 0, class: chart.figure.kind });
  const { height, hits } = DRAW[chart.figure.kind](chart, svg, width);
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  Object.assign(chart, { svg, width, hits, current: null });
  chart.reset?.toggleAttribute("hidden", !chart.zoom);
  listen(chart);
}

function point(chart, event) {
  const frameBox = chart.svg.getBoundingClientRect(), factor = chart.width / frameBox.width;
  return [(event.clientX - frameBox.left) * factor, (event.clientY - frameBox.top) * factor];
}

function nearest(chart, x, y, reach) {
  let best = null, least = reach;
  for (const hit of chart.hits) {
    const distance = Math.hypot(hit.x - x, hit.y - y);
    if (distance <= least) [best, least] = [hit, distance];
  }
  return best;
}

function show(chart, hit, said = false) {
  chart.ring?.remove();
  chart.current = hit;
  tip.replaceChildren();
  tip.hidden = !hit;
  if (!hit) return;
  hit.text.forEach((line, place) => add(tip, place ? "div" : "strong", {}, line));
  chart.ring = add(chart.svg, "circle", { cx: hit.x, cy: hit.y, r: 8, class: "ring" });
  const frameBox = chart.svg.getBoundingClientRect(), factor = frameBox.width / chart.width;
  const left = frameBox.left + hit.x * factor, top = frameBox.top + hit.y * factor;
  tip.style.left = `${Math.max(4, Math.min(left + 14, window.innerWidth - tip.offsetWidth - 8)) + window.scrollX}px`;
  tip.style.top = `${Math.max(4, top - tip.offsetHeight - 14 < 0 ? top + 18 : top - tip.offsetHeight - 14) + window.scrollY}px`;
  if (said) document.getElementById("said").textContent = hit.text.join(", ");
}

function zoomTo(chart, x, y) {
  chart.zoom = x ? { x: [Math.min(...x), Math.max(...x)], y: [Math.min(...y), Math.max(...y)] } : null;
  const focused = document.activeElement === chart.svg;
  show(chart, null);
  draw(chart);
  if (focused) chart.svg.focus();
}

function listen(chart) {
  const { svg } = chart;
  let start = null, band = null;
  svg.addEventListener("pointermove", (event) => {
    const [x, y] = point(chart, event);
    if (start && band) {
      const { box } = chart.view, [a, b] = [start, [Math.max(box.left, Math.min(x, box.right)), Math.max(box.top, Math.min(y, box.bottom))]];
      for (const [key, value] of Object.entries({ x: Math.min(a[0], b[0]), y: Math.min(a[1], b[1]), width: Math.abs(a[0] - b[0]), height: Math.abs(a[1] - b[1]) }))
        band.setAttribute(key, value);
    } else show(chart, nearest(chart, x, y, 36));
  });
  svg.addEventListener("pointerleave", () => { if (!start) show(chart, null); });
  svg.addEventListener("blur", () => show(chart, null));
  svg.addEventListener("keydown", (event) => { if (key(chart, event.key)) event.preventDefault(); });
  if (chart.figure.kind !== "lines") return;
  svg.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch" || event.button) return;
    start = point(chart, event);
    band = add(svg, "rect", { class: "zoom", x: start[0], y: start[1], width: 0, height: 0 });
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointerup", () => {
    if (!start) return;
    const [x, y, wide, tall] = ["x", "y", "width", "height"].map((name) => Number(band.getAttribute(name)));
    band.remove();
    start = band = null;
    if (wide > 8 && tall > 8) zoomTo(chart, [x, x + wide].map(chart.view.x.invert), [y, y + tall].map(chart.view.y.invert));
  });
  svg.addEventListener("dblclick", () => zoomTo(chart, null));
}

// Arrows walk through the points of a line and from line to line; plus, minus and 0 zoom.
function key(chart, pressed) {
  const { hits, current } = chart;
  if (pressed === "Escape") show(chart, null);
  else if (["ArrowLeft", "ArrowRight"].includes(pressed) && hits.length) {
    const same = current ? hits.filter((hit) => hit.key === current.key) : hits;
    const place = current ? same.indexOf(current) + (pressed === "ArrowRight" ? 1 : -1) : 0;
    show(chart, same[Math.max(0, Math.min(place, same.length - 1))], true);
  } else if (["ArrowUp", "ArrowDown"].includes(pressed) && hits.length) {
    const keys = [...new Set(hits.map((hit) => hit.key))];
    const place = current ? keys.indexOf(current.key) + (pressed === "ArrowDown" ? 1 : -1) : 0;
    const next = hits.filter((hit) => hit.key === keys[(place + keys.length) % keys.length]);
    const x = current?.x ?? 0;
    show(chart, next.reduce((a, b) => (Math.abs(b.x - x) < Math.abs(a.x - x) ? b : a)), true);
  } else if (["+", "=", "-"].includes(pressed) && chart.view) {
    const { x, y, box } = chart.view, size = pressed === "-" ? 1 : 0.25;
    const cx = current?.x ?? box.left + box.width / 2, cy = current?.y ?? box.top + box.height / 2;
    zoomTo(chart, [cx - box.width * size, cx + box.width * size].map(x.invert), [cy - box.height * size, cy + box.height * size].map(y.invert));
  } else if (pressed === "0" && chart.view) zoomTo(chart, null);
  else return false;
  return true;
}

// ---- legends, buttons, tables ---------------------------------------------------------------------------------

function legend(chart, parent) {
  const box = add(parent, "div", { class: "legend", role: "group", "aria-label": "show or hide" });
  const entries = entriesOf(chart.figure);
  for (const series of entries) {
    const { colour, dash, marker } = styleOf(chart.figure, series), id = keyOf(chart.figure, series);
    const button = add(box, "button", { type: "button", "aria-pressed": "true", "data-key": id });
    const swatch = add(button, "svg", { viewBox: "0 0 34 14", width: 34, height: 14, "aria-hidden": "true" });
    if (!series.star) add(swatch, "path", { d: "M1,7H33", stroke: colour, "stroke-dasharray": dash, class: "line" });
    add(swatch, "path", { d: series.star ? STAR : marker, transform: "translate(17,7)", fill: colour, class: "marker" });
    add(button, "span", {}, nameOf(series));
    button.addEventListener("click", () => toggle(id));
  }
  if (entries.length < MANY) return;
  const keys = entries.map((series) => keyOf(chart.figure, series));
  for (const [name, act] of [["all", (id) => hidden.delete(id)], ["none", (id) => hidden.add(id)]])
    add(parent, "button", { type: "button", class: "tool" }, name).addEventListener("click", () => {
      keys.forEach(act);
      redraw();
    });
}

function toggle(id) {
  if (!hidden.delete(id)) hidden.add(id);
  redraw();
}

function redraw() {
  for (const button of document.querySelectorAll(".legend button"))
    button.setAttribute("aria-pressed", String(!hidden.has(button.dataset.key)));
  for (const part of document.querySelectorAll("[data-method]")) part.hidden = hidden.has(`m${part.dataset.method}`);
  tip.hidden = true;
  charts.forEach(draw);
}

function partsLegend(parent, names) {
  const box = add(parent, "div", { class: "legend plain" });
  names.forEach((name, part) => {
    const item = add(box, "span");
    const swatch = add(item, "svg", { viewBox: "0 0 14 14", width: 14, height: 14, "aria-hidden": "true" });
    add(swatch, "rect", { x: 1, y: 1, width: 12, height: 12, fill: PARTS[part] });
    add(item, "span", {}, name);
  });
}

function start() {
  paint();
  night.addEventListener("change", () => { paint(); charts.forEach(draw); });
  tip = add(document.body, "div", { class: "tip", role: "tooltip", hidden: "" });
  for (const figure of data.figures) {
    const place = document.getElementById(`figure-${figure.id}`);
    const holder = place.querySelector(".canvas"), tools = place.querySelector(".tools");
    const chart = { figure, holder, log: Boolean(figure.x?.log), zoom: null, hits: [] };
    if (figure.kind === "lines") {
      const entries = entriesOf(figure);
      if (entries.length > 1 || "method" in entries[0]) legend(chart, tools);
      if ("log" in figure.x) {
        const button = add(tools, "button", { type: "button", class: "tool", "aria-pressed": String(chart.log) }, "logarithmic axis");
        button.addEventListener("click", () => {
          [chart.log, chart.zoom] = [!chart.log, null];
          button.setAttribute("aria-pressed", String(chart.log));
          draw(chart);
        });
      }
      chart.reset = add(tools, "button", { type: "button", class: "tool", hidden: "" }, "reset zoom");
      chart.reset.addEventListener("click", () => zoomTo(chart, null));
    }
    charts.push(chart);
  }
  const parts = document.getElementById("parts"), sent = data.figures.find((figure) => figure.kind === "parts");
  if (parts && sent) partsLegend(parts, sent.parts);
  document.querySelectorAll("table.sortable").forEach(sortable);
  charts.forEach(draw);
  for (const name of ["beforeprint", "afterprint"])
    window.addEventListener(name, () => {
      printing = name === "beforeprint";
      paint();
      charts.forEach(draw);
    });
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth !== width) { width = window.innerWidth; charts.forEach(draw); }
  });
}

start();
