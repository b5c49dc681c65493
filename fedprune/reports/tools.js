// What the other files draw with: scales, ticks, axes, looks. First of the files that make up the report's script.
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
const CONTROL = "#777777";
const PARTS = ["#0072B2", "#E69F00", "#009E73", "#555555"];
const SHADES = 24; // of a matrix
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
