// Draws figures of cells: grids, whose empty cells are left out, and whole matrices.

// The colour of a share of the range: the further from the page's own colour, the more.
function mix(share) {
  const [little, much] = look().map;
  return `rgb(${little.map((value, place) => Math.round(value + (much[place] - value) * share)).join(",")})`;
}

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
  shades(svg, box.right, "0", `${tickText(figure.max)} ${figure.unit}`);
  return { height, hits };
}

// What the shades mean, its right end at most at `right`.
function shades(svg, right, low, high) {
  const wide = Math.max(98, high.length * 7);
  const left = right - wide - 96;
  for (let i = 0; i <= 5; i++) add(svg, "rect", { x: left + i * 16, y: 6, width: 16, height: 11, fill: mix(i / 5) });
  add(svg, "text", { x: left - 6, y: 16, "text-anchor": "end" }, low);
  add(svg, "text", { x: left + 102, y: 16 }, high);
}

// Square cells; those of one shade are one path, so that ten thousand of them are drawn at once.
function drawMatrix(chart, svg, width) {
  const { figure } = chart, columns = figure.x.names.length, rows = figure.y.names.length, strip = figure.strip;
  const longest = Math.max(...figure.y.names.map((name) => name.length));
  const left = Math.max(strip ? 72 : 46, Math.min(width * 0.35, longest * 6.6 + 38));
  const size = Math.min(Math.max(22, 240 / columns), (width - left - 12) / columns);
  const tall = strip ? Math.max(5, Math.min(9, size)) * strip.names.length + 8 : 0;
  const box = frame(left, left + size * columns, 28 + tall, 28 + tall + size * rows), hits = [];
  const [low, high] = figure.range;
  cells(svg, figure.values, box, size, size, (value) => (value - low) / (high - low || 1));
  figure.values.forEach((line, row) => line.forEach((value, column) => {
    if (value === null) return;
    const names = [`${figure.y.label} ${figure.y.names[row]}`, `${figure.x.label} ${figure.x.names[column]}`];
    hits.push({ x: box.left + (column + 0.5) * size, y: box.top + (row + 0.5) * size, key: `row ${row}`,
      text: [...names, `${tickText(value)} ${figure.unit}`] });
  }));
  if (strip) drawStrip(strip, svg, frame(box.left, box.right, 28, 20 + tall), size);
  add(svg, "rect", { x: box.left, y: box.top, width: box.width, height: box.height, class: "edge" });
  named(svg, figure.y.names, size, (place) => ({ x: box.left - 6, y: box.top + (place + 0.5) * size + 4, "text-anchor": "end" }), 14);
  named(svg, figure.x.names, size, (place) => ({ x: box.left + (place + 0.5) * size, y: box.bottom + 16, "text-anchor": "middle" }), 34);
  add(svg, "text", { x: (box.left + box.right) / 2, y: box.bottom + 36, "text-anchor": "middle", class: "name" }, figure.x.label);
  add(svg, "text", { transform: `translate(14,${(box.top + box.bottom) / 2}) rotate(-90)`, "text-anchor": "middle", class: "name" }, figure.y.label);
  shades(svg, width - 12, tickText(Number(low.toPrecision(3))), `${tickText(Number(high.toPrecision(3)))} ${figure.unit}`);
  return { height: box.bottom + 46, hits };
}

function cells(svg, values, box, wide, tall, share) {
  const paths = new Map();
  values.forEach((line, row) => line.forEach((value, column) => {
    if (value === null) return;
    const shade = Math.round(share(value) * SHADES);
    // Neighbours end and begin at the same place to the last digit, so that no gap shows between them.
    const [left, right] = [column, column + 1].map((place) => (box.left + place * wide).toFixed(1));
    const [top, bottom] = [row, row + 1].map((place) => (box.top + place * tall).toFixed(1));
    paths.set(shade, `${paths.get(shade) ?? ""}M${left},${top}H${right}V${bottom}H${left}z`);
  }));
  for (const [shade, path] of paths) add(svg, "path", { d: path, fill: mix(shade / SHADES), "shape-rendering": "crispEdges" });
}

function drawStrip(strip, svg, box, size) {
  const tall = box.height / strip.names.length, most = Math.max(1, ...strip.values.flat());
  const values = strip.values.map((line) => line.map((value) => value || null));
  cells(svg, values, box, size, tall, (value) => value / most);
  add(svg, "rect", { x: box.left, y: box.top, width: box.width, height: box.height, class: "edge" });
  named(svg, strip.names, tall, (place) => ({ x: box.left - 6, y: box.top + (place + 0.5) * tall + 4, "text-anchor": "end" }), 11);
  add(svg, "text", { transform: `translate(14,${(box.top + box.bottom) / 2}) rotate(-90)`, "text-anchor": "middle", class: "name" }, "labels");
}

// Every so many names that they keep `apart` pixels; what follows the numbers is a word and always named.
function named(svg, names, size, spot, apart) {
  const every = Math.ceil(apart / size);
  names.forEach((name, place) => {
    if (place % every === 0 || !/^\d+$/.test(name)) add(svg, "text", spot(place), name);
  });
}

const DRAW = { lines: drawLines, stack: drawStack, dots: drawDots, grid: drawGrid, matrix: drawMatrix, parts: drawParts };
