// Draws the figures of a report. All numbers come from the page's JSON (computed in Python); this file only scales,
// draws and answers the reader: hover or arrow keys to read points, legend to choose methods, drag to zoom, headers to sort.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  // Okabe and Ito's colours, which colour-blind people can tell apart; lines differ by dash and marker as well.
  const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"];
  const DASHES = ["", "7 3", "2 3", "9 3 2 3"];
  const MARKERS = [
    "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0Z", "M-3.6,-3.6h7.2v7.2h-7.2Z", "M0,-4.8L4.6,3.6H-4.6Z",
    "M0,-5.2L4.4,0L0,5.2L-4.4,0Z", "M-4.6,-3.6H4.6L0,4.8Z",
  ];
  const STAR = "M0,-8.5L2.2,-2.8L8.1,-2.6L3.5,1.1L5,6.9L0,3.6L-5,6.9L-3.5,1.1L-8.1,-2.6L-2.2,-2.8Z";
  const DIAMOND = "M0,-6.5L5,0L0,6.5L-5,0Z";
  const PARTS = ["#0072B2", "#E69F00", "#009E73", "#555555"];
  const MANY = 6; // lines from which on a legend can switch all of them
  const SVG = "http://www.w3.org/2000/svg";
  const hidden = new Set(); // keys of what the reader has switched off: "m3" a method, "figure/name" a layer
  const charts = [];
  const PAGE = 700; // width of a printed page, so that its text is not scaled down
  let tip = null, printing = false;

  // ---- small tools ----------------------------------------------------------------------------------------------

  function add(parent, name, attributes = {}, text = null) {
    const made = parent instanceof SVGElement || name === "svg"
      ? document.createElementNS(SVG, name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(key, value);
    if (text !== null) made.textContent = text;
    parent.append(made);
    return made;
  }

  const style = (index) => ({
    colour: COLOURS[index % COLOURS.length], dash: DASHES[index % DASHES.length],
    marker: MARKERS[index % MARKERS.length],
  });

  function number(value, digits) {
    return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  }

  const quantity = (value, axis) => number(value, axis.digits ?? 2) + (axis.unit ? ` ${axis.unit}` : "");

  const at = (x, y) => `translate(${x.toFixed(1)},${y.toFixed(1)})`;

  function scale([low, high], [start, end], log = false) {
    const to = log ? Math.log10 : (value) => value;
    const from = log ? (value) => 10 ** value : (value) => value;
    const span = to(high) - to(low) || 1;
    const map = (value) => start + ((to(value) - to(low)) / span) * (end - start);
    map.invert = (pixel) => from(to(low) + ((pixel - start) / (end - start)) * span);
    return map;
  }

  function ticks(low, high, count, log = false) {
    if (log && high / low > 10) {
      const found = [];
      for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++)
        for (const factor of high / low > 1e4 ? [1] : [1, 2, 5]) found.push(factor * 10 ** power);
      return found.filter((value) => value >= low * 0.999 && value <= high * 1.001);
    }
    const raw = (high - low || 1) / Math.max(count, 1), unit = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].find((factor) => factor * unit >= raw) * unit;
    const found = [];
    for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n++) found.push(n * step);
    return found;
  }

  function tickText(value) {
    return Number(value.toPrecision(6)).toLocaleString("en-US", { maximumSignificantDigits: 6 });
  }

  // ---- axes -----------------------------------------------------------------------------------------------------

  function axes(svg, box, x, y, figure, options) {
    const group = add(svg, "g", { class: "axes" });
    for (const value of ticks(...options.x, Math.max(2, box.width / 90), options.log)) {
      const place = x(value);
      add(group, "line", { x1: place, x2: place, y1: box.top, y2: box.bottom, class: "rule" });
      add(group, "text", { x: place, y: box.bottom + 17, "text-anchor": "middle" }, tickText(value));
    }
    for (const value of y ? ticks(...options.y, Math.max(2, box.height / 55)) : []) {
      const place = y(value);
      add(group, "line", { x1: box.left, x2: box.right, y1: place, y2: place, class: "rule" });
      add(group, "text", { x: box.left - 7, y: place + 4, "text-anchor": "end" },
        tickText(options.absolute ? Math.abs(value) : value));
    }
    const name = (axis) => axis.label + (axis.unit ? ` (${axis.unit})` : "");
    add(group, "text", { x: (box.left + box.right) / 2, y: box.bottom + 37, "text-anchor": "middle", class: "name" },
      name(figure.x));
    if (y) {
      const middle = (box.top + box.bottom) / 2;
      add(group, "text", { transform: `translate(14,${middle}) rotate(-90)`, "text-anchor": "middle", class: "name" },
        name(figure.y));
    }
  }

  function frame(left, right, top, bottom) {
    return { left, right, top, bottom, width: right - left, height: bottom - top };
  }

  // ---- lines ----------------------------------------------------------------------------------------------------

  const keyOf = (figure, series) => "method" in series ? `m${series.method}` : `${figure.id}/${series.name}`;
  const nameOf = (series) => "method" in series ? data.methods[series.method] : series.name;
  const styleOf = (figure, series) => style("method" in series ? series.method : figure.series.indexOf(series));

  function extent(chart) {
    const { figure } = chart;
    const shown = figure.series.filter((series) => !hidden.has(keyOf(figure, series)));
    const points = [...(figure.finals ?? []), ...(figure.reached ?? [])].filter((one) => !hidden.has(`m${one.method}`));
    const xs = [...shown.flatMap((series) => series.x), ...points.map((one) => one.x)];
    const ys = [...shown.flatMap((series) => series.y), ...points.map((one) => one.y ?? figure.target)];
    if (figure.target !== undefined && figure.target !== null) ys.push(figure.target);
    const positive = xs.filter((value) => value > 0);
    const least = (values) => values.reduce((a, b) => Math.min(a, b), Infinity);
    const most = (values) => values.reduce((a, b) => Math.max(a, b), -Infinity);
    if (!xs.length) return { x: [chart.log ? 1 : 0, 10], y: [0, 1] };
    const x = chart.log ? [least(positive) * 0.9, most(xs) * 1.12] : [Math.min(0, least(xs)), most(xs) * 1.03];
    const low = figure.y.zero ? 0 : least(ys), high = most(ys);
    const pad = (high - low || Math.abs(high) || 1) * 0.05;
    return { x, y: [figure.y.min ?? (figure.y.zero ? 0 : low - pad), figure.y.max ?? high + pad] };
  }

  function pathOf(xs, ys, x, y) {
    return xs.map((value, i) => `${i ? "L" : "M"}${x(value).toFixed(1)},${y(ys[i]).toFixed(1)}`).join("");
  }

  function drawLines(chart, svg, width) {
    const { figure } = chart;
    const height = Math.round(Math.min(430, Math.max(230, width * 0.56)));
    const box = frame(58, width - 14, 10, height - 46);
    const domain = chart.zoom ?? extent(chart);
    const x = scale(domain.x, [box.left, box.right], chart.log), y = scale(domain.y, [box.bottom, box.top]);
    chart.view = { box, x, y, domain };
    axes(svg, box, x, y, figure, { ...domain, log: chart.log });
    const clip = add(add(svg, "clipPath", { id: `clip-${figure.id}` }), "rect",
      { x: box.left, y: box.top, width: box.width, height: box.height });
    const plot = add(svg, "g", { "clip-path": `url(#${clip.parentNode.id})` });
    const hits = [];
    if (figure.target !== undefined && figure.target !== null) {
      add(plot, "line", { x1: box.left, x2: box.right, y1: y(figure.target), y2: y(figure.target), class: "target" });
      add(plot, "text", { x: box.right - 4, y: y(figure.target) - 5, "text-anchor": "end" },
        `target ${tickText(figure.target)} ${figure.y.unit}`);
    }
    // The front is over all methods: it says nothing once one of them is out of the picture.
    if ((figure.front ?? []).length > 1 && !figure.finals.some((end) => hidden.has(`m${end.method}`)))
      add(plot, "path", { d: steps(figure.front, x, y, box), class: "front" });
    figure.series.forEach((series) => {
      if (!hidden.has(keyOf(figure, series))) drawSeries(figure, series, plot, x, y, hits, chart.log);
    });
    drawPoints(figure, plot, x, y, hits);
    return { height, hits: hits.filter((hit) => hit.x >= box.left - 1 && hit.x <= box.right + 1
      && hit.y >= box.top - 1 && hit.y <= box.bottom + 1) };
  }

  function steps(front, x, y, box) {
    const [first, ...rest] = front;
    let path = `M${x(first[0])},${y(first[1])}`;
    for (const [cost, gain] of rest) path += `H${x(cost)}V${y(gain)}`;
    return `${path}H${box.right}`;
  }

  function drawSeries(figure, series, plot, x, y, hits, log) {
    const look = styleOf(figure, series), key = keyOf(figure, series);
    const kept = series.x.map((value, i) => i).filter((i) => !log || series.x[i] > 0);
    const xs = kept.map((i) => series.x[i]), ys = kept.map((i) => series.y[i]);
    const group = add(plot, "g", { "data-key": key });
    if (series.low) {
      const sure = kept.filter((i) => series.low[i] !== null && series.n[i] >= data.bandFrom);
      const upper = sure.map((i) => `${x(series.x[i]).toFixed(1)},${y(series.high[i]).toFixed(1)}`);
      const lower = sure.map((i) => `${x(series.x[i]).toFixed(1)},${y(series.low[i]).toFixed(1)}`).reverse();
      if (sure.length) add(group, "polygon", { points: [...upper, ...lower].join(" "), fill: look.colour, class: "band" });
    }
    add(group, "path", { d: pathOf(xs, ys, x, y), stroke: look.colour, "stroke-dasharray": look.dash, class: "line" });
    const every = Math.max(1, Math.ceil(xs.length / 12));
    kept.forEach((i, place) => {
      const px = x(series.x[i]), py = y(series.y[i]);
      if (place % every === 0 || place === kept.length - 1)
        add(group, "path", { d: look.marker, transform: at(px, py), fill: look.colour, class: "marker" });
      hits.push({ x: px, y: py, key, text: seriesText(figure, series, i) });
    });
  }

  function seriesText(figure, series, i) {
    const text = [nameOf(series)];
    if (series.round && figure.x.label !== "round") text.push(`round ${series.round[i]}`);
    text.push(`${figure.x.label}: ${quantity(series.x[i], figure.x)}`);
    text.push(`${figure.y.label}: ${quantity(series.y[i], figure.y)}`);
    if (series.low && series.low[i] !== null) text.push(intervalText(series.low[i], series.high[i], series.n[i], figure.y));
    return text;
  }

  const intervalText = (low, high, n, axis) =>
    `95 % interval ${number(low, axis.digits)} to ${quantity(high, axis)}, n = ${n} seeds`;

  function drawPoints(figure, plot, x, y, hits) {
    for (const end of figure.finals ?? []) {
      const key = `m${end.method}`, { colour } = style(end.method);
      if (hidden.has(key)) continue;
      const group = add(plot, "g", { "data-key": key });
      if (end.low !== null)
        add(group, "line", { x1: x(end.x), x2: x(end.x), y1: y(end.low), y2: y(end.high), stroke: colour, class: "whisker" });
      add(group, "path", { d: STAR, transform: at(x(end.x), y(end.y)), fill: colour, class: "end" });
      const text = [data.methods[end.method], "final evaluation, all clients",
        `${figure.x.label}: ${quantity(end.x, figure.x)}`, `${figure.y.label}: ${quantity(end.y, figure.y)}`];
      if (end.low !== null) text.push(intervalText(end.low, end.high, end.n, figure.y));
      hits.push({ x: x(end.x), y: y(end.y), key, text });
    }
    for (const cost of figure.reached ?? []) {
      const key = `m${cost.method}`;
      if (hidden.has(key)) continue;
      add(plot, "path", { d: DIAMOND, transform: at(x(cost.x), y(figure.target)), stroke: style(cost.method).colour, class: "reached" });
      hits.push({ x: x(cost.x), y: y(figure.target), key,
        text: [data.methods[cost.method], `target reached after ${quantity(cost.x, figure.x)}`] });
    }
  }

  // ---- stacked bars, clients, grids -----------------------------------------------------------------------------

  function drawStack(chart, svg, width) {
    const { figure } = chart, height = 220;
    const box = frame(58, width - 10, 8, height - 44);
    const first = figure.bins[0].first, last = figure.bins[figure.bins.length - 1].last;
    const domain = { x: [first - 0.5, last + 0.5], y: [figure.y.min * 1.05, figure.y.max * 1.05 || 1] };
    const x = scale(domain.x, [box.left, box.right]), y = scale(domain.y, [box.bottom, box.top]);
    axes(svg, box, x, y, figure, { ...domain, absolute: true });
    const hits = [];
    for (const bin of figure.bins) {
      const left = x(bin.first - 0.5), full = x(bin.last + 0.5) - left, wide = full > 8 ? full - 1 : full;
      for (const [way, sign] of [["up", 1], ["down", -1]]) {
        let base = 0;
        bin[way].forEach((value, part) => {
          const [from, to] = [y(sign * base), y(sign * (base + value))];
          if (value) add(svg, "rect", { x: left, y: Math.min(from, to), width: wide, height: Math.abs(to - from), fill: PARTS[part] });
          base += value;
        });
        const rounds = bin.first === bin.last ? `round ${bin.first}` : `mean of rounds ${bin.first} to ${bin.last}`;
        const parts = bin[way].map((value, part) => [value, part]).filter(([value]) => value)
          .map(([value, part]) => `${figure.parts[part]}: ${quantity(value, { ...figure.y, digits: 4 })}`);
        hits.push({ x: left + wide / 2, y: y((sign * base) / 2), key: way,
          text: [figure.title, rounds, `${way}: ${quantity(base, { ...figure.y, digits: 4 })}`, ...parts] });
      }
    }
    add(svg, "line", { x1: box.left, x2: box.right, y1: y(0), y2: y(0), class: "zero" });
    return { height, hits };
  }

  function drawDots(chart, svg, width) {
    const { figure } = chart, tall = 62;
    const rows = figure.rows.filter((row) => !hidden.has(`m${row.method}`));
    const height = rows.length * tall + 56;
    const box = frame(16, width - 16, 6, height - 46);
    const values = rows.flatMap((row) => row.values);
    const least = values.reduce((a, b) => Math.min(a, b), 100), pad = (100 - least) * 0.03 || 1;
    const domain = { x: [Math.max(0, least - pad), 100 + pad / 2] };
    const x = scale(domain.x, [box.left, box.right]);
    axes(svg, box, x, null, figure, domain);
    const hits = [];
    rows.forEach((row, place) => drawRow(figure, row, svg, x, box.top + place * tall, hits));
    return { height, hits };
  }

  function drawRow(figure, row, svg, x, top, hits) {
    const { colour } = style(row.method), middle = top + 39, name = data.methods[row.method], seen = new Map();
    add(svg, "text", { x: x.invert ? 16 : 0, y: top + 15, class: "name" }, name);
    const count = new Map();
    for (const value of row.values) count.set(Math.round(x(value) / 4), (count.get(Math.round(x(value) / 4)) ?? 0) + 1);
    const step = Math.min(4, 34 / Math.max(...count.values()));
    row.values.forEach((value, i) => {
      const bin = Math.round(x(value) / 4), rank = seen.get(bin) ?? 0;
      seen.set(bin, rank + 1);
      const y = middle + (rank % 2 ? 1 : -1) * Math.ceil(rank / 2) * step;
      add(svg, "circle", { cx: x(value).toFixed(1), cy: y.toFixed(1), r: 2.6, fill: colour, class: "dot" });
      const seed = row.seeds ? `, seed ${row.seeds[i]}` : "";
      hits.push({ x: x(value), y, key: `m${row.method}`, text: [name, `client ${row.clients[i]}${seed}`, quantity(value, figure.x)] });
    });
    add(svg, "line", { x1: x(row.median), x2: x(row.median), y1: middle - 17, y2: middle + 17, class: "median" });
    add(svg, "path", { d: DIAMOND, transform: at(x(row.mean), middle), class: "mean" });
    add(svg, "path", { d: "M0,-8L7,5H-7Z", transform: at(x(row.worst), middle), class: "worst" });
    hits.push({ x: x(row.mean), y: middle, key: `m${row.method}`, text: [name, `mean of clients: ${quantity(row.mean, figure.x)}`] });
    hits.push({ x: x(row.worst), y: middle, key: `m${row.method}`, text: [name, `mean of the worst 10 %: ${quantity(row.worst, figure.x)}`] });
  }

  const mix = (share) => `rgb(${[[233, 8], [241, 48], [248, 107]].map(([a, b]) => Math.round(a + (b - a) * share)).join(",")})`;

  function drawGrid(chart, svg, width) {
    const { figure } = chart;
    const longest = Math.max(...figure.rows.map((name) => name.length));
    const left = Math.min(width * 0.35, Math.max(46, longest * 6.6 + 26));
    const size = Math.max(11, Math.min(22, 420 / figure.rows.length));
    const height = figure.rows.length * size + 84;
    const box = frame(left, width - 12, 30, height - 54);
    const wide = box.width / figure.columns.length, hits = [];
    add(svg, "rect", { x: box.left, y: box.top, width: box.width, height: box.height, class: "empty" });
    for (const [column, row, value] of figure.cells) {
      const [x, y] = [box.left + column * wide, box.top + row * size];
      add(svg, "rect", { x: x.toFixed(2), y, width: Math.max(0.6, wide - (wide > 4 ? 0.6 : 0)).toFixed(2), height: size - 0.6, fill: mix(value / figure.max) });
      const names = [`${figure.x.label} ${figure.columns[column]}`, `${figure.y?.label ?? "layer"} ${figure.rows[row]}`];
      hits.push({ x: x + wide / 2, y: y + size / 2, key: `row ${row}`, text: [...names, `${tickText(Number(value.toPrecision(4)))} ${figure.unit}`] });
    }
    const characters = Math.floor((left - 24) / 6.4);
    figure.rows.forEach((name, row) => {
      const short = name.length > characters ? `${name.slice(0, Math.max(1, characters - 1))}…` : name;
      add(svg, "text", { x: box.left - 6, y: box.top + (row + 0.5) * size + 4, "text-anchor": "end" }, short);
    });
    const every = ticks(0, figure.columns.length - 1, box.width / 60).filter((value) => Number.isInteger(value));
    for (const column of every)
      add(svg, "text", { x: box.left + (column + 0.5) * wide, y: box.bottom + 16, "text-anchor": "middle" }, String(figure.columns[column]));
    add(svg, "text", { x: (box.left + box.right) / 2, y: box.bottom + 36, "text-anchor": "middle", class: "name" }, figure.x.label);
    if (figure.y)
      add(svg, "text", { transform: `translate(14,${(box.top + box.bottom) / 2}) rotate(-90)`, "text-anchor": "middle", class: "name" }, figure.y.label);
    for (let i = 0; i <= 5; i++) add(svg, "rect", { x: box.right - 190 + i * 16, y: 6, width: 16, height: 11, fill: mix(i / 5) });
    add(svg, "text", { x: box.right - 196, y: 16, "text-anchor": "end" }, "0");
    add(svg, "text", { x: box.right - 88, y: 16 }, `${tickText(figure.max)} ${figure.unit}`);
    return { height, hits };
  }

  const DRAW = { lines: drawLines, stack: drawStack, dots: drawDots, grid: drawGrid };

  // ---- one chart and its reader ---------------------------------------------------------------------------------

  function draw(chart) {
    const screen = Math.max(280, chart.holder.clientWidth || 640);
    const width = Math.round(printing ? Math.min(screen, PAGE) : screen);
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
    for (const series of chart.figure.series) {
      const look = styleOf(chart.figure, series), id = keyOf(chart.figure, series);
      const button = add(box, "button", { type: "button", "aria-pressed": "true", "data-key": id });
      const swatch = add(button, "svg", { viewBox: "0 0 34 14", width: 34, height: 14, "aria-hidden": "true" });
      add(swatch, "path", { d: "M1,7H33", stroke: look.colour, "stroke-dasharray": look.dash, class: "line" });
      add(swatch, "path", { d: look.marker, transform: "translate(17,7)", fill: look.colour, class: "marker" });
      add(button, "span", {}, nameOf(series));
      button.addEventListener("click", () => toggle(id));
    }
    if (chart.figure.series.length < MANY) return;
    const keys = chart.figure.series.map((series) => keyOf(chart.figure, series));
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

  function sortable(table) {
    const heads = [...table.querySelectorAll("thead th")], body = table.tBodies[0];
    heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") !== "descending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const value = (row) => row.cells[column].dataset.value;
      const compare = (a, b) => (table.querySelector(`tbody td:nth-child(${column + 1})[data-text], tbody th[data-text]:nth-child(${column + 1})`)
        ? a.localeCompare(b) : Number(a) - Number(b));
      const rows = [...body.rows].sort((a, b) => {
        const [x, y] = [value(a), value(b)];
        if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
        return compare(x, y) * (down ? -1 : 1);
      });
      body.append(...rows);
    }));
  }

  function start() {
    tip = add(document.body, "div", { class: "tip", role: "tooltip", hidden: "" });
    for (const figure of data.figures) {
      const place = document.getElementById(`figure-${figure.id}`);
      const holder = place.querySelector(".canvas"), tools = place.querySelector(".tools");
      const chart = { figure, holder, log: Boolean(figure.x?.log), zoom: null, hits: [] };
      if (figure.kind === "lines") {
        if (figure.series.length > 1 || "method" in figure.series[0]) legend(chart, tools);
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
    const parts = document.getElementById("parts"), stack = data.figures.find((figure) => figure.kind === "stack");
    if (parts && stack) partsLegend(parts, stack.parts);
    document.querySelectorAll("table.sortable").forEach(sortable);
    charts.forEach(draw);
    for (const name of ["beforeprint", "afterprint"])
      window.addEventListener(name, () => {
        printing = name === "beforeprint";
        charts.forEach(draw);
      });
    let width = window.innerWidth;
    window.addEventListener("resize", () => {
      if (window.innerWidth !== width) { width = window.innerWidth; charts.forEach(draw); }
    });
  }

  start();
})();
