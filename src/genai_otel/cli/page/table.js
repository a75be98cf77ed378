// The table of traces.

const columns = [
  { id: "time", title: "Time", key: (trace) => trace.start, cell: timeCell },
  { id: "name", title: "Name", key: (trace) => trace.name, cell: nameCell },
  { id: "status", title: "Status", key: (trace) => trace.errors, cell: stateCell },
  { id: "duration", title: "Duration", key: (trace) => trace.duration, cell: (trace) => [trace.took] },
  { id: "tokens", title: "Tokens", key: (trace) => trace.tokens[0] + trace.tokens[1], cell: (trace) => [arrow(trace.tokens)] },
  { id: "request", title: "Request", cell: (trace) => [clamped(trace.request)] },
  { id: "response", title: "Response", cell: (trace) => [clamped(trace.response)] },
];
const figures = ["time", "duration", "tokens"];
let order = { id: "time", up: false };
let rows = [];
let picked = null; // the row that had the focus last

function timeCell(trace) {
  const parts = clock(trace.start, false);
  return parts ? [make("span", { title: utc(trace.start) }, parts[1], make("span", { class: "date dim" }, parts[0]))] : [];
}

function nameCell(trace) {
  const below = [trace.service, counted(trace.spans.length, "span"), trace.id.slice(0, 8)];
  return [make("b", {}, trace.name), make("span", { class: "dim" }, below.filter(Boolean).join(" · "))];
}

function stateCell(trace) {
  const [text, look] = state(trace);
  return [make("span", { class: `state ${look}` }, text)];
}

const clamped = (text) => (text ? make("span", { class: "clamp", dir: "auto" }, text) : null);

function traceRow(trace) {
  const cells = columns.map((column) => {
    const inside = column.cell(trace).filter(Boolean);
    const classes = [`c-${column.id}`, figures.includes(column.id) ? "number" : "", inside.length ? "" : "nothing"];
    const properties = { role: "gridcell", class: classes.join(" ").trim(), "data-title": column.title };
    return make("td", properties, ...inside);
  });
  const row = make("tr", { role: "row", tabindex: -1, "aria-selected": "false", "data-id": trace.id }, ...cells);
  row.trace = trace;
  row.addEventListener("click", () => go(trace.id));
  row.addEventListener("focus", () => { picked = pick(picked, row); });
  return row;
}

// The one element of a list that Tab reaches, and that is selected, is another one from now on.
function pick(from, to) {
  from?.setAttribute("tabindex", "-1");
  from?.setAttribute("aria-selected", "false");
  to.setAttribute("tabindex", "0");
  to.setAttribute("aria-selected", "true");
  return to;
}

const shownRows = () => rows.filter((row) => !row.hidden);
const currentRow = () => (picked && !picked.hidden ? picked : shownRows()[0]);

function buildTable() {
  const head = at("traces").tHead.rows[0];
  for (const column of columns) {
    const title = column.key
      ? make("button", { type: "button", onclick: () => sortBy(column) }, column.title)
      : make("span", {}, column.title);
    column.head = make("th", { role: "columnheader", scope: "col", class: `c-${column.id}` }, title);
    head.append(column.head);
  }
  rows = data.traces.map(traceRow);
  sortRows();
  filter();
}

function sortBy(column) {
  const up = order.id === column.id ? !order.up : column.id === "name";
  order = { id: column.id, up };
  sortRows();
}

function sortRows() {
  const { key } = columns.find((column) => column.id === order.id);
  const sign = order.up ? 1 : -1;
  const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  rows.sort((a, b) => sign * compare(key(a.trace), key(b.trace)) || compare(a.trace.id, b.trace.id));
  for (const { id, head } of columns) {
    if (id === order.id) head.setAttribute("aria-sort", order.up ? "ascending" : "descending");
    else head.removeAttribute("aria-sort");
  }
  at("traces").tBodies[0].append(...rows);
}

function filter() {
  const words = at("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const failures = at("failures").checked;
  for (const row of rows) {
    const { name, service, request, response, id, errors } = row.trace;
    const text = [name, service, request, response, id].join("\n").toLowerCase();
    row.hidden = (failures && !errors) || !words.every((word) => text.includes(word));
  }
  const shown = shownRows();
  at("count").textContent =
    shown.length === rows.length ? counted(rows.length, "trace") : `${shown.length} of ${counted(rows.length, "trace")}`;
  const reached = currentRow();
  for (const row of rows) row.tabIndex = row === reached ? 0 : -1;
}

function tableKey(event) {
  const row = event.target.closest("tbody tr");
  if (!row) return;
  if (event.key === "Enter" || event.key === " ") go(row.trace.id);
  else if (!moved(event, shownRows(), row)) return;
  event.preventDefault();
}

// Moves the focus in a list of elements; whether the key was one that does.
function moved(event, elements, from) {
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
  if (!(event.key in steps) || event.altKey || event.ctrlKey || event.metaKey) return false;
  const place = elements.indexOf(from) + steps[event.key];
  const next = elements[Math.min(Math.max(place, 0), elements.length - 1)];
  if (next) {
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  }
  return true;
}
