"use strict";
// Makes tables sortable by a click on a heading, and long ones searchable. Without it they are plain tables.
const number = text => {
  const found = text.replace(/,/g, "").replace("−", "-").match(/^[<]?\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)/i);
  return found ? parseFloat(found[1]) : NaN;
};
const compare = (a, b) => {
  const x = number(a), y = number(b);
  if (!isNaN(x) && !isNaN(y)) return x - y;
  return isNaN(x) === isNaN(y) ? a.localeCompare(b) : isNaN(x) ? 1 : -1;
};
const sort = (table, place, heading) => {
  const falling = heading.getAttribute("aria-sort") === "ascending", body = table.tBodies[0];
  const text = row => row.cells[place].textContent;
  const rows = [...body.rows].sort((a, b) => falling ? compare(text(b), text(a)) : compare(text(a), text(b)));
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", falling ? "descending" : "ascending");
  body.append(...rows);
};
for (const table of document.querySelectorAll("table")) {
  for (const [place, heading] of [...table.tHead.rows[0].cells].entries()) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sort(table, place, heading));
    heading.append(button);
  }
  if (table.tBodies[0].rows.length <= 10) continue;
  const search = document.createElement("input"), count = document.createElement("span");
  search.type = "search";
  search.placeholder = "search this table";
  search.setAttribute("aria-label", "search this table");
  search.addEventListener("input", () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of table.tBodies[0].rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every(word => text.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    count.textContent = words.length ? ` ${shown} of ${table.tBodies[0].rows.length} rows` : "";
  });
  const line = document.createElement("p");
  line.className = "search";
  line.append(search, count);
  table.parentElement.before(line);
}
