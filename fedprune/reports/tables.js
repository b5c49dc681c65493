// Tables that are sorted by a click on a head, or by a list of columns where heads do not fit the window.

function sortable(table) {
  const heads = [...table.querySelectorAll("thead th")], body = table.tBodies[0];
  const names = heads.map((head) => head.querySelector("button").textContent);
  const chooser = toolsOf(table, names, (column, down) => sort(column, down));
  function sort(column, down) {
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    heads[column].setAttribute("aria-sort", down ? "descending" : "ascending");
    const value = (row) => row.cells[column].dataset.value;
    const words = [...body.rows].some((row) => "text" in row.cells[column].dataset);
    const rows = [...body.rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
      return (words ? x.localeCompare(y) : Number(x) - Number(y)) * (down ? -1 : 1);
    });
    body.append(...rows);
    chooser.tell(column, down);
  }
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () =>
    sort(column, head.getAttribute("aria-sort") !== "descending")));
}

// The list of columns to sort by, and a line that names the columns that are out of sight.
function toolsOf(table, names, sort) {
  const scroll = table.closest(".scroll");
  const box = document.createElement("div");
  box.className = "sorting";
  scroll.before(box);
  const label = add(box, "label", {}, "Sorted by ");
  const list = add(label, "select");
  add(list, "option", { value: "", disabled: "" }, "as given");
  list.value = "";
  names.forEach((name, column) => add(list, "option", { value: column }, name));
  const turn = add(box, "button", { type: "button", class: "tool", hidden: "" });
  const more = add(box, "span", { class: "more" });
  let falling = true;
  list.addEventListener("change", () => { if (list.value) sort(Number(list.value), true); });
  turn.addEventListener("click", () => sort(Number(list.value), !falling));
  const peek = () => {
    const { left, right } = scroll.getBoundingClientRect(), heads = [...table.querySelectorAll("thead th")].slice(1);
    const stuck = table.querySelector("thead th").getBoundingClientRect().right;
    const before = heads.filter((head) => head.getBoundingClientRect().left < Math.max(left, stuck) - 12);
    const behind = heads.filter((head) => head.getBoundingClientRect().right > right + 12);
    more.textContent = [[before, "←", "left"], [behind, "→", "right"]].filter(([found]) => found.length)
      .map(([found, arrow, side]) => `${arrow} ${found.length} ${found.length === 1 ? "column" : "columns"} to the ${side}: ${found.map((head) => head.textContent).join(", ")}`).join(" · ");
    scroll.classList.toggle("cut", behind.length > 0);
  };
  scroll.addEventListener("scroll", peek, { passive: true });
  new ResizeObserver(peek).observe(scroll);
  return { tell(column, down) {
    falling = down;
    list.value = column;
    turn.hidden = false;
    turn.textContent = down ? "▼ falling" : "▲ rising";
  } };
}
