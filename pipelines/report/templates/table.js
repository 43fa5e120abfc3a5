
/* Sorting, choosing and searching in tables whose rows stand for themselves. Without it the page is whole, only still. */
(function () {
  "use strict";

  function first(cell) {
    const tag = cell.querySelector(".tag");
    if (tag) { return tag.textContent.trim(); }
    const node = Array.from(cell.childNodes).find(function (each) { return each.nodeType === 3; });
    return node ? node.textContent.trim() : "";
  }

  function value(row, column) {
    const cell = row.cells[column];
    if (cell.dataset.sort !== undefined) { return Number(cell.dataset.sort); }
    return cell.classList.contains("number") ? null : first(cell).toLowerCase();
  }

  function order(a, b, sign) {
    if (a === null) { return b === null ? 0 : 1; }
    if (b === null) { return -1; }
    return sign * (typeof a === "number" ? a - b : a.localeCompare(b));
  }

  function make(name, properties) { return Object.assign(document.createElement(name), properties); }

  function labelled(text, control) {
    const label = make("label", { textContent: text + " " });
    label.append(control);
    return label;
  }

  function prepare(table) {
    const body = table.tBodies[0];
    const rows = Array.from(body.rows);
    const heads = Array.from(table.tHead.rows[0].cells);
    const told = make("p", { className: "small shown" });
    told.setAttribute("role", "status");
    const asked = table.dataset.filters;

    heads.forEach(function (head, column) {
      const button = make("button", { type: "button" });
      button.append(head.firstChild);
      head.prepend(button);
      button.addEventListener("click", function () {
        const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        heads.forEach(function (each) { each.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
        const keyed = rows.map(function (row, place) { return [value(row, column), place, row]; });
        keyed.sort(function (a, b) { return order(a[0], b[0], sign) || a[1] - b[1]; });
        keyed.forEach(function (each) { body.append(each[2]); });
      });
    });

    if (asked === undefined) { return; }
    const search = make("input", { type: "search" });
    const choices = asked.split(" ").filter(Boolean).map(Number).map(function (column) {
      const select = make("select", {});
      select.append(make("option", { textContent: "all", value: "" }));
      Array.from(new Set(rows.map(function (row) { return first(row.cells[column]); }))).sort().forEach(function (word) {
        select.append(make("option", { textContent: word, value: word }));
      });
      return { column: column, select: select };
    });

    function show() {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach(function (row) {
        const text = row.textContent.toLowerCase();
        const fits = words.every(function (word) { return text.includes(word); });
        const chosen = choices.every(function (each) {
          return each.select.value === "" || first(row.cells[each.column]) === each.select.value;
        });
        row.hidden = !(fits ? chosen : false);
        shown += row.hidden ? 0 : 1;
      });
      told.textContent = shown + " of " + rows.length + " shown";
    }

    const controls = make("form", { className: "controls" });
    controls.setAttribute("role", "search");
    controls.append(labelled("Search", search));
    choices.forEach(function (each) {
      controls.append(labelled(heads[each.column].querySelector("button").textContent, each.select));
    });
    const clear = make("button", { type: "reset", textContent: "Show all" });
    controls.append(clear, told);
    controls.addEventListener("submit", function (event) { event.preventDefault(); });
    controls.addEventListener("input", show);
    controls.addEventListener("reset", function () { window.setTimeout(show, 0); });
    table.closest(".tablebox").prepend(controls);
    show();
  }

  document.querySelectorAll("table.sortable").forEach(prepare);
})();
