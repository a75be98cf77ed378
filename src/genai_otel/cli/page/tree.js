// One trace as a tree of spans beside a waterfall.

function showTrace(trace) {
  open = trace;
  chosen = null;
  at("name").textContent = trace.name;
  at("figures").textContent = [
    trace.took,
    counted(trace.spans.length, "span"),
    trace.tokens[0] || trace.tokens[1] ? `${arrow(trace.tokens)} tokens` : "",
    trace.errors ? counted(trace.errors, "error") : "",
    trace.running ? `${number(trace.running)} still running` : "",
    trace.orphans ? `the parents of ${counted(trace.orphans, "span")} are missing` : "",
    clock(trace.start, true),
    `trace ${trace.id}`,
  ].filter(Boolean).join(" · ");
  const previews = [["Request", trace.request], ["Response", trace.response]].filter(([, text]) => text);
  at("previews").replaceChildren(
    ...previews.flatMap(([title, text]) => [make("dt", {}, title), make("dd", {}, clamped(text))]),
  );
  at("tree").replaceChildren(...trace.spans.map((span, place) => spanRow(trace, span, place)));
  refold();
}

function spanRow(trace, span, place) {
  const parent = place + 1 < trace.spans.length && trace.spans[place + 1].depth > span.depth;
  const bar = make("i");
  const whole = trace.duration || 1;
  const lasted = span.duration === null ? trace.duration - span.start : span.duration;
  bar.style.left = `${Math.min((100 * span.start) / whole, 99.5)}%`;
  bar.style.width = `${Math.max((100 * lasted) / whole, 0.4)}%`;
  const failed = span.status === "ERROR";
  const what = make("span", { class: "what" },
    make("span", { class: parent ? "fold" : "fold leaf", "aria-hidden": "true" }),
    failed ? make("span", { class: "bad" }, "✗") : null,
    make("span", { class: "chip" }, span.label),
    make("span", { class: failed ? "text bad" : "text", title: span.name }, span.name));
  what.style.paddingLeft = `${Math.min(span.depth, 14) * (narrow.matches ? 9 : 16)}px`;
  const row = make("div", {
    role: "treeitem", tabindex: -1, "aria-level": span.depth + 1, "aria-selected": "false",
    class: `span${failed ? " failed" : ""}${span.duration === null ? " running" : ""}`, "data-label": span.label,
    "aria-label": [span.label, span.name, failed ? "failed" : "", span.took || "running"].filter(Boolean).join(", "),
  }, what, make("span", { class: "took number" }, span.took || "…"), make("span", { class: "bar" }, bar));
  if (parent) row.setAttribute("aria-expanded", "true");
  row.span = span;
  row.addEventListener("focus", () => choose(row));
  row.addEventListener("click", (event) => {
    if (event.target.classList.contains("fold") && parent) fold(row, !folded.has(span.id));
    row.focus();
    if (narrow.matches && !event.target.classList.contains("fold")) openDetail();
  });
  return row;
}

const spanRows = () => [...at("tree").children];
const shownSpans = () => spanRows().filter((row) => !row.hidden);

function refold() {
  let hiddenBelow = Infinity;
  for (const row of spanRows()) {
    const { depth, id } = row.span;
    row.hidden = depth > hiddenBelow;
    if (row.hidden) continue;
    hiddenBelow = folded.has(id) ? depth : Infinity;
    if (row.hasAttribute("aria-expanded")) row.setAttribute("aria-expanded", String(!folded.has(id)));
  }
}

function fold(row, away) {
  if (away) folded.add(row.span.id);
  else folded.delete(row.span.id);
  refold();
}

function parentRow(row) {
  const all = spanRows();
  for (let place = all.indexOf(row) - 1; place >= 0; place--) {
    if (all[place].span.depth < row.span.depth) return all[place];
  }
  return null;
}

function treeKey(event) {
  const row = event.target.closest("[role=treeitem]");
  if (!row || event.altKey || event.ctrlKey || event.metaKey) return;
  const expanded = row.getAttribute("aria-expanded");
  if (event.key === "Enter" || event.key === " ") openDetail();
  else if (event.key === "ArrowLeft") {
    if (expanded === "true") fold(row, true);
    else parentRow(row)?.focus();
  } else if (event.key === "ArrowRight") {
    if (expanded === "false") fold(row, false);
    else if (expanded === "true") shownSpans()[shownSpans().indexOf(row) + 1]?.focus();
  } else if (!moved(event, shownSpans(), row)) return;
  event.preventDefault();
}

function choose(row) {
  if (chosen === row) return;
  chosen = pick(chosen, row);
  showDetail(row.span);
  history.replaceState(null, "", `#${open.id}/${row.span.id}`);
}
