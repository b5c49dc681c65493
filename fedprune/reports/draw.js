// Draws each kind of figure. All numbers come from the page's JSON (computed in Python): this file only scales them.

// ---- lines ----------------------------------------------------------------------------------------------------

const keyOf = (figure, series) => "method" in series ? `m${series.method}` : `${figure.id}/${series.name}`;
const nameOf = (series) => "method" in series ? data.methods[series.method] : series.name;
// The methods or layers of a figure that a reader can switch off: its lines, and methods with a star alone.
const entriesOf = ({ series, finals = [] }) => [...series,
  ...finals.filter((end) => !series.some((line) => line.method === end.method)).map(({ method }) => ({ method, star: true }))];
const styleOf = (figure, series) => style("method" in series ? series.method : figure.series.indexOf(series));

function extent(chart) {
  const { figure } = chart;
  const shown = figure.series.filter((series) => !hidden.has(keyOf(figure, series)));
  const points = [...(figure.finals ?? []), ...(figure.finals ?? []).flatMap((end) => end.seeds.map((seed) => ({ ...seed, method: end.method }))),
    ...(figure.reached ?? [])].filter((one) => !hidden.has(`m${one.method}`));
  const xs = [...shown.flatMap((series) => series.x), ...points.map((one) => one.x)];
  const ys = [...shown.flatMap((series) => series.y), ...points.map((one) => one.y ?? figure.target)];
  if (figure.target !== undefined && figure.target !== null) ys.push(figure.target);
  for (const mark of figure.marks ?? []) "x" in mark ? xs.push(mark.x) : ys.push(mark.y);
  const positive = xs.filter((value) => value > 0);
  const least = (values) => values.reduce((a, b) => Math.min(a, b), Infinity);
  const most = (values) => values.reduce((a, b) => Math.max(a, b), -Infinity);
  if (!xs.length) return { x: [chart.log ? 1 : 0, 10], y: [0, 1] };
  const x = chart.log ? [least(positive) * 0.9, most(xs) * 1.12] : [Math.min(0, least(xs)), most(xs) * 1.03];
  const low = figure.y.zero ? 0 : least(ys), high = most(ys);
  const pad = (high - low || Math.abs(high) || 1) * 0.05;
  return { x, y: [figure.y.min ?? (figure.y.zero ? 0 : low - pad), figure.y.max ?? high + pad] };
}

// Room above a plot for the names of its upright marks, one below the other, so that none hides another.
const headOf = (figure) => 15 * (figure.marks ?? []).filter((mark) => "x" in mark).length;

// Dashed lines at what the picture is to be compared with.
function drawMarks(figure, parent, box, x, y) {
  const head = headOf(figure);
  (figure.marks ?? []).forEach((mark, place) => {
    const across = "y" in mark, level = across ? y(mark.y) : x(mark.x), right = !across && level > box.left + box.width / 2;
    const name = box.top - head + 15 * place + 11;
    const line = across ? { x1: box.left, x2: box.right, y1: level, y2: level } : { x1: level, x2: level, y1: name - 9, y2: box.bottom };
    add(parent, "line", { ...line, class: "front" });
    const spot = across ? { x: box.left + 4, y: level - 5 }
      : { x: level + (right ? -5 : 5), y: name, "text-anchor": right ? "end" : "start" };
    add(parent, "text", { ...spot, class: "mark" }, mark.label);
  });
}

function pathOf(xs, ys, x, y) {
  return xs.map((value, i) => `${i ? "L" : "M"}${x(value).toFixed(1)},${y(ys[i]).toFixed(1)}`).join("");
}

function drawLines(chart, svg, width) {
  const { figure } = chart;
  const height = Math.round(Math.min(430, Math.max(230, width * 0.56)));
  const box = frame(58, width - 14, 10 + headOf(figure), height - 46);
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
    add(plot, "text", { x: box.right - 4, y: y(figure.target) - 5, "text-anchor": "end", class: "mark" },
      `target ${tickText(figure.target)} ${figure.y.unit}`);
  }
  // The front is over all methods: it says nothing once one of them is out of the picture.
  if ((figure.front ?? []).length > 1 && !figure.finals.some((end) => hidden.has(`m${end.method}`)))
    add(plot, "path", { d: steps(figure.front, x, y, box), class: "front" });
  figure.series.forEach((series) => {
    if (!hidden.has(keyOf(figure, series))) drawSeries(figure, series, plot, x, y, hits, chart.log);
  });
  drawPoints(figure, plot, x, y, hits);
  if (!chart.zoom) drawMarks(figure, svg, box, x, y);
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
    for (const seed of end.seeds) {
      add(group, "circle", { cx: x(seed.x), cy: y(seed.y), r: 3, stroke: colour, class: "seed" });
      hits.push({ x: x(seed.x), y: y(seed.y), key, text: [data.methods[end.method], `final evaluation, seed ${seed.seed}`,
        `${figure.x.label}: ${quantity(seed.x, figure.x)}`, `${figure.y.label}: ${quantity(seed.y, figure.y)}`] });
    }
    add(group, "path", { d: STAR, transform: at(x(end.x), y(end.y)), fill: colour, class: "end" });
    const text = [data.methods[end.method], "final evaluation of all clients",
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
  const { figure } = chart, height = 234;
  const box = frame(58, width - 10, 20, height - 44);
  const first = figure.bins[0].first, last = figure.bins[figure.bins.length - 1].last;
  // Below the bars there is room for the name of what they are.
  const least = figure.y.min * 1.05, most = figure.y.max * 1.05 || 1, room = 20 / box.height;
  const domain = { x: [first - 0.5, last + 0.5], y: [least - (most - least) * room / (1 - room), most] };
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
        text: [figure.title, rounds, `${figure.sides[way]}: ${quantity(base, { ...figure.y, digits: 4 })}`, ...parts] });
    }
  }
  add(svg, "line", { x1: box.left, x2: box.right, y1: y(0), y2: y(0), class: "zero" });
  add(svg, "text", { x: box.left + 4, y: box.top - 4, class: "name" }, figure.sides.up);
  add(svg, "text", { x: box.left + 4, y: box.bottom - 5, class: "mark" }, figure.sides.down);
  return { height, hits };
}

// A row a method, each part at its size: what clients send points up, what the server sends points down.
function drawParts(chart, svg, width) {
  const { figure } = chart, tall = 50, rows = figure.rows.filter((row) => !hidden.has(`m${row.method}`));
  const box = frame(16, width - 16, 6, 10 + rows.length * tall), hits = [];
  const domain = { x: [figure.x.min, figure.x.max], log: true };
  const x = scale(domain.x, [box.left, box.right], true);
  axes(svg, box, x, null, figure, domain);
  rows.forEach((row, place) => {
    const top = box.top + place * tall, key = `m${row.method}`;
    add(svg, "text", { x: 16, y: top + 15, class: "name" }, data.methods[row.method]);
    for (const [way, lane, mark] of [["up", top + 26, UP], ["down", top + 40, DOWN]]) {
      const whole = row[way].reduce((a, b) => a + b, 0), sent = row[way].map((value, part) => ({ value, part })).filter(({ value }) => value);
      if (sent.length) add(svg, "line", { x1: x(Math.min(...sent.map(({ value }) => value))), x2: x(Math.max(...sent.map(({ value }) => value))), y1: lane, y2: lane, class: "rule" });
      for (const { value, part } of sent) {
        add(svg, "path", { d: mark, transform: at(x(value), lane), fill: PARTS[part], class: "marker" });
        hits.push({ x: x(value), y: lane, key, text: [data.methods[row.method], `${figure.sides[way]}: ${figure.parts[part]}`,
          `${tickText(Number(value.toPrecision(3)))} ${figure.x.unit} ${figure.x.label}`, `${Number((100 * value / whole).toPrecision(2))} % of this direction`] });
      }
    }
  });
  return { height: box.bottom + 46, hits };
}

function drawDots(chart, svg, width) {
  const { figure } = chart;
  const rows = figure.rows.filter((row) => !hidden.has(rowKey(row)));
  // Many rows come closer, so that they still fit a window and a page.
  const tall = Math.max(printing ? 24 : 38, Math.min(62, 800 / rows.length));
  const box = frame(16, width - 16, 6 + headOf(figure), 10 + headOf(figure) + rows.length * tall);
  const values = rows.flatMap((row) => row.values);
  const least = values.reduce((a, b) => Math.min(a, b), 100), pad = (100 - least) * 0.03 || 1;
  const domain = { x: [figure.x.min ?? Math.max(0, least - pad), figure.x.max ?? 100 + pad / 2] };
  const x = scale(domain.x, [box.left, box.right]);
  axes(svg, box, x, null, figure, domain);
  drawMarks(figure, svg, box, x, null);
  const hits = [];
  rows.forEach((row, place) => drawRow(figure, row, svg, x, box.top + place * tall, tall, hits));
  return { height: box.bottom + 46, hits };
}

const rowKey = (row) => "method" in row ? `m${row.method}` : `row ${row.name}`;

function drawRow(figure, row, svg, x, top, tall, hits) {
  const named = "name" in row, key = rowKey(row), name = named ? row.name : data.methods[row.method];
  const colour = row.control ? CONTROL : style(named ? 0 : row.method).colour;
  // Where an interval or what is expected by chance is drawn, it has a lane of its own below the dots.
  const lane = top + tall * (named ? 0.82 : 0.63), middle = named ? top + tall * 0.5 : lane, reach = tall * (named ? 0.15 : 0.27);
  add(svg, "text", { x: 16, y: top + 15, class: "name" }, name);
  if (row.band) {
    const [left, right] = row.band.map(x);
    add(svg, "rect", { x: left, y: lane - reach, width: Math.max(1, right - left), height: 2 * reach, class: "shuffled" });
  }
  drawCrowd(figure, row, svg, x, middle, reach, colour, hits);
  const rule = (value, kind) => add(svg, "line", { x1: x(value), x2: x(value), y1: lane - reach, y2: lane + reach, class: kind });
  if (row.low !== undefined && row.low !== null) {
    // An interval that leaves the axis ends there without its bar.
    const [low, high] = [Math.max(row.low, figure.x.min), Math.min(row.high, figure.x.max)];
    add(svg, "line", { x1: x(low), x2: x(high), y1: lane, y2: lane, class: "sure" });
    for (const end of [row.low, row.high]) if (end === low || end === high) rule(end, "sure");
  }
  if (row.median !== undefined) rule(row.median, "median");
  add(svg, "path", { d: DIAMOND, transform: at(x(row.mean), lane), class: "mean" });
  hits.push({ x: x(row.mean), y: lane, key, text: [name, ...(row.told ?? [`mean of clients: ${quantity(row.mean, figure.x)}`])] });
  if (row.worst === undefined) return;
  add(svg, "path", { d: TRIANGLE, transform: at(x(row.worst), lane), class: "worst" });
  hits.push({ x: x(row.worst), y: lane, key, text: [name, `mean of the worst 10 %: ${quantity(row.worst, figure.x)}`] });
}

// Dots of equal place stand above and below each other.
function drawCrowd(figure, row, svg, x, middle, reach, colour, hits) {
  const seen = new Map(), count = new Map(), bins = row.values.map((value) => Math.round(x(value) / 4));
  for (const bin of bins) count.set(bin, (count.get(bin) ?? 0) + 1);
  const step = Math.min(4, (2 * reach) / Math.max(1, ...count.values()));
  row.values.forEach((value, i) => {
    const rank = seen.get(bins[i]) ?? 0;
    seen.set(bins[i], rank + 1);
    const y = middle + (rank % 2 ? 1 : -1) * Math.ceil(rank / 2) * step;
    add(svg, "circle", { cx: x(value).toFixed(1), cy: y.toFixed(1), r: 2.6, fill: colour, class: "dot" });
    const seed = row.seeds ? `, seed ${row.seeds[i]}` : "";
    const text = ["name" in row ? row.name : data.methods[row.method], `${figure.each ?? "client"} ${row.clients[i]}${seed}`, quantity(value, figure.x)];
    hits.push({ x: x(value), y, key: rowKey(row), text });
  });
}
