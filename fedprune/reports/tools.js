// What the other files draw with: scales, ticks, axes, looks. First of the files that make up the report's script.
const data = JSON.parse(document.getElementById("data").textContent);
// Colours, dashes and marks are those of all pictures of a report (see reports/looks.py); colours are custom
// properties, so that a change between light and dark needs no new picture.
const { dashes: DASHES, markers: MARKERS, star: STAR, diamond: DIAMOND, triangle: TRIANGLE, up: UP, down: DOWN, shades: SHADES } = data.looks;
const CONTROL = "var(--control)";
const PARTS = data.looks.light.parts.map((_, part) => `var(--part${part})`);
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

const night = window.matchMedia("(prefers-color-scheme: dark)");
const look = () => (night.matches && !printing ? data.looks.dark : data.looks.light);

// Hands the colours of the scheme to the style sheet and to what is drawn.
function paint() {
  const root = document.documentElement.style, { colours, parts, control } = look();
  colours.forEach((colour, index) => root.setProperty(`--colour${index}`, colour));
  parts.forEach((colour, part) => root.setProperty(`--part${part}`, colour));
  root.setProperty("--control", control);
}

const style = (index) => ({
  colour: `var(--colour${index % data.looks.light.colours.length})`, dash: DASHES[index % DASHES.length],
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
    const found = [], crowded = Math.log10(high / low) * 3 > 2 * count;
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++)
      for (const factor of crowded ? [1] : [1, 2, 5]) found.push(factor * 10 ** power);
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
  for (const value of y ? ticks(...options.y, Math.max(2, box.height / 42)) : []) {
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
