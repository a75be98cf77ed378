// What is shown: the address says it. Keys that work anywhere.

function go(traceId) {
  location.hash = traceId || "traces";
}

function route() {
  const [traceId, spanId] = location.hash.slice(1).split("/");
  const only = data.traces.length === 1 && !traceId ? data.traces[0] : undefined;
  const trace = byId.get(traceId) || only;
  if (!trace) return showList();
  if (document.body.classList.contains("opened")) closeDetail();
  at("list").hidden = true;
  at("trace").hidden = false;
  document.title = `${trace.name} · Traces`;
  if (open !== trace || !spanRows().length) showTrace(trace);
  const wanted = trace.spans.findIndex((span) => span.id === spanId);
  const row = spanRows()[Math.max(wanted, 0)];
  for (let above = row; above; above = parentRow(above)) if (above !== row) folded.delete(above.span.id);
  refold();
  choose(row);
  row.focus({ preventScroll: wanted < 0 });
  return undefined;
}

function showList() {
  if (document.body.classList.contains("opened")) closeDetail();
  at("trace").hidden = true;
  at("list").hidden = false;
  document.title = "Traces";
  const row = open && rows.find((one) => one.trace === open);
  open = chosen = null;
  if (row && !row.hidden) row.focus();
}

function escape(event) {
  if (at("trace").hidden) {
    if (event.target === at("filter")) {
      at("filter").value = "";
      filter();
      currentRow()?.focus();
    }
  } else if (document.body.classList.contains("opened") || at("detail").contains(event.target)) closeDetail();
  else go(null);
}

function anyKey(event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const typing = event.target.matches("input[type=search]");
  if (event.key === "Escape") escape(event);
  else if (event.key === "/" && !typing && !at("list").hidden) at("filter").focus();
  else if (event.target === at("filter") && (event.key === "ArrowDown" || event.key === "Enter")) currentRow()?.focus();
  else if (event.target === document.body && event.key === "ArrowDown") (at("list").hidden ? chosen : currentRow())?.focus();
  else return;
  event.preventDefault();
}

function theme() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => {
    const set = document.documentElement.style.colorScheme;
    return set ? set === "dark" : system.matches;
  };
  const label = () => { at("theme").textContent = dark() ? "Light" : "Dark"; };
  at("theme").addEventListener("click", () => {
    document.documentElement.style.colorScheme = dark() ? "light" : "dark";
    label();
  });
  system.addEventListener("change", label);
  label();
}

const spans = data.traces.reduce((sum, trace) => sum + trace.spans.length, 0);
at("facts").textContent = `${data.sources.join(", ")} · ${counted(data.traces.length, "trace")} · ${counted(spans, "span")}`;
const notes = [...data.notes];
if (data.known > data.traces.length) notes.push(`the newest ${number(data.traces.length)} of ${counted(data.known, "trace")}`);
at("notes").append(...notes.map((note) => make("p", { class: "note" }, note)));
at("filter").addEventListener("input", filter);
at("failures").addEventListener("change", filter);
at("traces").addEventListener("keydown", tableKey);
at("tree").addEventListener("keydown", treeKey);
at("back").addEventListener("click", () => go(null));
document.addEventListener("keydown", anyKey);
addEventListener("hashchange", route);
narrow.addEventListener("change", () => { if (document.body.classList.contains("opened")) closeDetail(); });
theme();
buildTable();
route();
