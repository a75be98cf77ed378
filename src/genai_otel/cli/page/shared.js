// The parts of the page's script run one after the other inside one function.

const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const narrow = matchMedia("(max-width: 800px)");
const LONG = 4000;
const SHOWN = 2000;
const byId = new Map(data.traces.map((trace) => [trace.id, trace]));
const folded = new Set();
let open = null; // the trace that is shown
let chosen = null; // the row of the span in it whose details are shown

// Everything of the data becomes text or the value of an attribute, never markup.
function make(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

const number = (count) => count.toLocaleString("en-US");
const counted = (count, noun) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
const arrow = ([used, made]) =>
  used || made ? `${used === null ? "" : number(used)}→${made === null ? "" : number(made)}` : "";

function clock(milliseconds, withDate) {
  const moment = new Date(milliseconds);
  if (!milliseconds || Number.isNaN(moment.getTime())) return "";
  const two = (value) => String(value).padStart(2, "0");
  const date = `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
  const time = `${two(moment.getHours())}:${two(moment.getMinutes())}:${two(moment.getSeconds())}`;
  return withDate ? `${date} ${time}.${String(moment.getMilliseconds()).padStart(3, "0")}` : [date, time];
}

function utc(milliseconds) {
  const moment = new Date(milliseconds);
  return Number.isNaN(moment.getTime()) ? null : moment.toISOString();
}

function state(trace) {
  if (trace.failed) return ["error", "bad"];
  if (trace.errors) return [counted(trace.errors, "error"), "bad"];
  return trace.running ? ["running", "dim"] : ["ok", ""];
}
