// What is known of the chosen span.

function openDetail() {
  if (narrow.matches) {
    document.body.classList.add("opened");
    at("detail").setAttribute("role", "dialog");
    for (const part of behindDetail()) part.inert = true;
  }
  at("detail").focus();
}

const behindDetail = () => [at("top"), at("list"), document.querySelector(".title"), at("previews"), document.querySelector(".left")];

function closeDetail() {
  document.body.classList.remove("opened");
  at("detail").removeAttribute("role");
  for (const part of behindDetail()) part.inert = false;
  chosen?.focus();
}

function showDetail(span) {
  const panel = at("detail");
  panel.setAttribute("aria-label", `Span ${span.name}`);
  panel.replaceChildren(
    make("div", { class: "head", "data-label": span.label },
      make("span", { class: "chip" }, span.label), make("h2", {}, span.name),
      make("button", { id: "close", type: "button", onclick: closeDetail }, "Close")),
    facts(span),
    ...(span.error ? [make("p", { class: "error bad" }, errorText(span.error))] : []),
    ...span.sections.map(section),
    ...values("Attributes", span.attributes, true),
    ...events(span), ...links(span),
    ...values("Resource", data.resources[span.resource], false), origin(span),
  );
  panel.scrollTop = 0;
}

const errorText = ({ type, message }) => [type, message].filter(Boolean).join(": ") || "failed";

function facts(span) {
  const known = [
    ["Duration", span.took || "still running"], ["Started after", span.after], ["Model", span.model],
    ["Tokens", arrow(span.tokens)], ["First chunk after", span.first_chunk],
    ["Status", span.status === "UNSET" ? "" : span.status.toLowerCase()],
  ];
  return make("dl", { class: "facts" }, ...pairs(known));
}

const pairs = (known) =>
  known.filter(([, text]) => text).map(([title, text]) => make("div", {}, make("dt", {}, title), make("dd", {}, text)));

function section({ title, messages, blocks }) {
  const inside = messages ? make("ol", { class: "chat" }, ...messages.map(message)) : make("div", {}, ...blocks.map(block));
  return make("section", { class: "part", "aria-label": title }, make("h3", {}, title), inside);
}

function message({ role, name, finish, answer, blocks }) {
  const who = make("div", { class: "role" }, make("b", {}, role), name || null,
    finish ? make("span", { class: "finish" }, finish) : null);
  return make("li", { class: answer ? "message answer" : "message", "data-role": role }, who, ...blocks.map(block));
}

function block({ label, text, code, closed }) {
  const body = written(text, code);
  if (closed) return make("details", { class: "block" }, make("summary", {}, label), body);
  return make("div", { class: "block" }, label ? make("div", { class: "label" }, label) : null, text ? body : null);
}

function written(text, code) {
  const body = make("pre", { class: code ? "code" : null, dir: "auto" });
  if (text.length <= LONG) {
    body.textContent = text;
    return body;
  }
  const more = make("button", { type: "button" }, `Show all ${number(text.length)} characters`);
  more.addEventListener("click", () => {
    body.textContent = text;
    at("detail").focus();
  });
  body.append(`${text.slice(0, SHOWN)}…\n`, more);
  return body;
}

const list = (rows_) =>
  make("dl", { class: "values" }, ...rows_.map((row) =>
    make("div", {}, make("dt", {}, row.label), make("dd", {}, written(row.text, row.code)))));

function values(title, rows_, isOpen) {
  if (!rows_.length) return [];
  return [make("details", { class: "part", open: isOpen }, make("summary", {}, title), list(rows_))];
}

function events(span) {
  if (!span.events.length) return [];
  const inside = span.events.map((event) =>
    make("div", { class: "event" }, make("b", {}, event.name), " ", make("span", { class: "dim" }, `after ${event.after}`),
      list(event.rows), event.stack ? block({ ...event.stack, label: "stack trace", code: true, closed: true }) : null));
  return [make("details", { class: "part", open: true }, make("summary", {}, "Events"), ...inside)];
}

function links(span) {
  if (!span.links.length) return [];
  const inside = span.links.map((link) => make("div", { class: "event" },
    byId.has(link.trace) ? make("a", { href: `#${link.trace}/${link.span}` }, `${link.trace} ${link.span}`) : `${link.trace} ${link.span}`,
    list(link.rows)));
  return [make("details", { class: "part", open: true }, make("summary", {}, "Links"), ...inside)];
}

function origin(span) {
  const known = [["Kind", span.kind], ["Recorded by", span.scope], ["Span id", span.id], ["Parent id", span.parent]];
  return make("dl", { class: "facts part" }, ...pairs(known));
}
