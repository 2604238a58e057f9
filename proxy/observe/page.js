"use strict";
const SUMMARY_SECONDS = 2;
const RETIRING_SECONDS = 10;
const DAY = 86400;
const at = (id) => document.getElementById(id);
const named = (version) => (version === "none" ? "refused" : `version ${version}`);
const sum = (counts) => Object.values(counts).reduce((total, count) => total + count, 0);
const percent = (part) => `${(100 * part).toFixed(1)} %`;
const share = (count, total) => (total ? percent(count / total) : "–");
// A table's cell: a text, a number, or either with a class.
const numeric = (text) => ({ text: shown(text), className: "number" });
const shown = (value) => (value === null || value === undefined ? "–" : String(value));
const number = (value) => value.toLocaleString("en");
const day = (time) => new Date(1000 * time).toLocaleDateString("en", { year: "numeric", month: "short", day: "numeric" });
const moment = (time) => new Date(1000 * time).toLocaleString("en", { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

// Everything is set as text: some of it was written by strangers.
function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

// Roles are set because the narrow layout takes table cells out of the table layout.
function withRole(made, role) {
  made.setAttribute("role", role);
  return made;
}

// What each table shows. One that has not changed is left alone, so that what is selected in it stays selected.
const contents = {};

function table(id, head, rows, nothing) {
  const content = JSON.stringify([head, rows]);
  if (contents[id] === content) return;
  contents[id] = content;
  const place = withRole(at(id), "table");
  place.className = head.length > 3 ? "wide-table" : "";
  if (!rows.length) return place.replaceChildren(element("caption", nothing));
  const cells = rows.map((row) => row.map((cell) =>
    (typeof cell === "number" ? numeric(number(cell)) : typeof cell === "string" ? { text: cell } : cell)));
  const top = withRole(element("tr"), "row");
  top.append(...head.map((title, column) =>
    withRole(element("th", title, cells[0][column].className === "number" ? "number" : ""), "columnheader")));
  const heading = withRole(element("thead"), "rowgroup");
  heading.append(top);
  const body = withRole(element("tbody"), "rowgroup");
  body.append(...cells.map((row) => {
    const made = withRole(element("tr"), "row");
    made.append(...row.map(({ text, className }, column) => {
      const cell = withRole(element("td", text, className), "cell");
      cell.dataset.column = head[column];
      return cell;
    }));
    return made;
  }));
  place.replaceChildren(heading, body);
}

function fact(title, value, more) {
  const made = element("dd", value);
  if (more) made.append(element("small", more));
  const group = element("div");
  group.append(element("dt", title), made);
  return group;
}

// Data of the last two responses, for what needs both.
let summary = null;
let retiring = null;
let period = "day";

function lastHour(history) {
  const after = history[history.length - 1].time - 3600;
  const counts = {};
  for (const entry of history) {
    if (entry.time < after) continue;
    for (const [version, count] of Object.entries(entry.requests)) counts[version] = (counts[version] || 0) + count;
  }
  return counts;
}

function retirement(trend) {
  if (!trend) return ["–", "too little data for a trend"];
  if (trend.zero_at === null) return ["not in sight", "the share is not falling"];
  const change = `${(100 * trend.per_day).toFixed(2)} percentage points a day`;
  return [trend.zero_at - Date.now() / 1000 < DAY ? "now" : day(trend.zero_at), `at today's trend: ${change}`];
}

function showWho() {
  const version = retiring.version;
  at("who-title").textContent = version === null ? "One version is offered" : `Who still needs version ${version}`;
  if (version === null) {
    at("facts").replaceChildren(fact("Nothing to retire", "–", "versions.min and versions.max are the same"));
  } else {
    const recent = lastHour(retiring.history);
    const [when, why] = retirement(retiring.trend);
    const dry = summary.versions.dry_run_refuse.includes(version);
    const would = summary.versions.would_refuse[String(version)] || 0;
    at("facts").replaceChildren(
      fact("Share, last hour", share(recent[String(version)] || 0, sum(recent)), `of ${number(sum(recent))} requests`),
      fact("Callers", retiring.keep === "off" ? "–" : number(retiring.callers), retiring.keep === "off" ? "not recorded (clients.keep: off)" : `in the last ${retiring.hours} hours`),
      fact("Methods affected", number(retiring.methods_total), "that would change for them"),
      fact("Could be retired", when, why),
      fact("Dry run", dry ? number(would) : "off", dry ? "requests would have been refused" : `versions.dry_run_refuse: [${version}] counts them`),
    );
  }
  const sunsets = summary.versions.sunset.map((sunset) =>
    `Version ${sunset.version} ends on ${sunset.date}${sunset.refuse ? " and is refused from then on" : ""}.`);
  at("going").textContent = [`Offered: ${summary.versions.min} to ${summary.versions.max}.`, ...sunsets].join(" ");
  table("breaking", ["method", "callers", "requests"],
    retiring.methods.map((one) => [one.method, one.callers, one.requests]), "None is in use.");
  table("top", ["address", "library", "requests", "last seen", "methods affected"],
    retiring.top.map((one) => [
      one.user ? `${one.address} (${one.user})` : one.address, one.user_agent || "–", one.requests,
      moment(Date.parse(one.last) / 1000), one.methods]),
    retiring.keep === "off" ? "Callers are not recorded." : "No callers.");
  const rest = retiring.callers - retiring.top.length;
  at("top-note").textContent = [
    rest > 0 ? `${number(rest)} more: see clients.` : "",
    retiring.evicted ? `${number(retiring.evicted)} callers were dropped because there are more than clients.callers.` : "",
  ].join(" ").trim();
  showChart();
}

function svg(name, attributes, text) {
  const made = document.createElementNS(at("chart").namespaceURI, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function points() {
  const version = String(retiring.version);
  return (period === "day" ? retiring.history : retiring.hourly).map((entry) => {
    const total = sum(entry.requests);
    return { time: entry.time, total, share: total ? (entry.requests[version] || 0) / total : null };
  });
}

function ticks(from, to, room) {
  const steps = period === "day" ? [3600, 7200, 10800, 21600] : [DAY, 2 * DAY, 5 * DAY, 7 * DAY, 10 * DAY];
  const step = steps.find((each) => (to - from) / each <= room) || steps[steps.length - 1];
  const offset = new Date(1000 * to).getTimezoneOffset() * 60;
  const first = Math.ceil((from - offset) / step) * step + offset;
  const found = [];
  for (let time = first; time <= to; time += step) found.push(time);
  return found;
}

function showChart() {
  const all = points();
  const chart = at("chart");
  const width = chart.clientWidth || 600;
  const height = chart.clientHeight || 208;
  const [left, right, top, bottom] = [48, width - 10, 10, height - 24];
  const to = all[all.length - 1].time;
  const from = Math.min(all[0].time, to - (period === "day" ? DAY / 6 : 3 * DAY));
  const known = all.filter((point) => point.share !== null);
  const most = Math.max(...known.map((point) => point.share), 0);
  const scale = [0.05, 0.1, 0.25, 0.5, 1].find((each) => most <= each);
  const x = (time) => left + ((time - from) / (to - from || 1)) * (right - left);
  const y = (part) => bottom - (part / scale) * (bottom - top);
  const drawn = [];
  for (let line = 0; line <= 5; line += 1) {
    const part = (scale * line) / 5;
    drawn.push(svg("line", { class: "grid", x1: left, x2: right, y1: y(part), y2: y(part) }));
    drawn.push(svg("text", { x: left - 6, y: y(part) + 4, "text-anchor": "end" }, `${+(100 * part).toFixed(1)} %`));
  }
  for (const time of ticks(from, to, (right - left) / 70)) {
    const when = new Date(1000 * time);
    const label = period === "day"
      ? when.toLocaleTimeString("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" })
      : when.toLocaleDateString("en", { month: "short", day: "numeric" });
    drawn.push(svg("line", { class: "grid", x1: x(time), x2: x(time), y1: bottom, y2: bottom + 4 }));
    const anchor = x(time) > right - 20 ? "end" : "middle";
    drawn.push(svg("text", { x: x(time), y: bottom + 18, "text-anchor": anchor }, label));
  }
  // A gap without requests, or without the proxy, is not bridged.
  const gap = 2.5 * (period === "day" ? 300 : 3600);
  const runs = [];
  known.forEach((point, index) => {
    if (!index || point.time - known[index - 1].time > gap) runs.push([]);
    runs[runs.length - 1].push(point);
  });
  for (const run of runs) {
    const line = run.map((point) => `${x(point.time).toFixed(1)},${y(point.share).toFixed(1)}`).join(" ");
    const [start, end] = [x(run[0].time), x(run[run.length - 1].time)];
    drawn.push(svg("polygon", { class: "area", points: `${start},${bottom} ${line} ${end},${bottom}` }));
    drawn.push(svg("polyline", { class: "curve", points: line }));
    if (run.length === 1) drawn.push(svg("circle", { class: "dot", cx: start, cy: y(run[0].share), r: 3 }));
  }
  chart.setAttribute("viewBox", `0 0 ${width} ${height}`);
  chart.replaceChildren(...drawn);
  const latest = known[known.length - 1];
  const one = `version ${retiring.version}`;
  at("share-title").textContent = retiring.version === null ? "Share over time" : `Share of ${one} over time`;
  at("chart-text").textContent = latest
    ? `${period === "day" ? "Every five minutes" : "Hourly"}, from ${moment(known[0].time)}: highest ${percent(most)}, now ${percent(latest.share)}.`
    : "No requests yet.";
  table("points", ["until", "requests", `share of ${one}`],
    known.slice(-48).reverse().map((point) => [moment(point.time), point.total, numeric(percent(point.share))]), "No requests yet.");
}

function showEssentials() {
  const counts = summary.versions.requests;
  const total = sum(counts);
  const recent = lastHour(summary.history);
  table("versions", ["", "requests", "share", "last hour"],
    Object.keys(counts).sort().map((version) => [
      named(version), counts[version], numeric(share(counts[version], total)), numeric(share(recent[version] || 0, sum(recent)))]),
    "No requests yet.");
  table("nodes", ["name", "state", "API version", "server state", "validated ledger", "age", "lag", "problem"],
    summary.nodes.map((node) => [
      node.name,
      { text: node.healthy ? "in rotation" : node.up ? "up, not in rotation" : "down", className: node.healthy ? "good" : "bad" },
      shown(node.api_version), shown(node.server_state), numeric(node.validated_ledger),
      numeric(node.validated_ledger_age === null ? null : `${Math.round(node.validated_ledger_age)} s`), numeric(node.lag),
      [node.problem, node.websocket_problem].filter(Boolean).join("; ") || "–",
    ]), "None is configured.");
  table("sessions", ["open, by the version last used", "number"],
    [...Object.keys(summary.sessions).sort().map((version) => [named(version), summary.sessions[version]]),
      ...Object.entries(summary.subscriptions).map(([stream, count]) => [`subscriptions to ${stream}`, count])], "None is open.");
  const outcomes = sum(summary.outcomes);
  table("outcomes", ["", "requests", "share"],
    Object.entries(summary.outcomes).map(([outcome, count]) => [outcome, count, numeric(share(count, outcomes))]), "No requests yet.");
  const oldest = String(summary.versions.min);
  table("methods", ["method", "requests", `version ${oldest}`],
    summary.methods.map((one) => [one.method, one.requests, numeric(share(one.by_version[oldest] || 0, one.requests))]), "No requests yet.");
  table("refusals", ["reason", "requests"],
    Object.entries(summary.refusals).sort((a, b) => b[1] - a[1]), "No request was refused.");
}

// Set only when it changes, for screen readers announce it.
function setState(text, className) {
  if (at("state").textContent !== text) at("state").textContent = text;
  at("state").className = className;
}

function showState() {
  const text = summary.draining ? "shutting down" : summary.ready ? "ready" : "not ready: no node is available";
  setState(text, summary.ready ? "good" : "bad");
  const hours = Math.floor(summary.seconds / 3600);
  at("about").textContent = [
    `version ${summary.version}`,
    `up ${hours < 2 ? `${Math.floor(summary.seconds / 60)} min` : hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`}`,
    `${summary.in_flight} in flight`,
    `listening on ${summary.configuration.listeners.join(", ")}`,
    summary.configuration.in_force ? "" : "the last reload was REJECTED, the previous configuration is in force",
  ].filter(Boolean).join(" · ");
}

async function load(path) {
  const response = await fetch(path, { signal: AbortSignal.timeout(8000) });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response.json();
}

let nextRetiring = 0;

async function update() {
  try {
    summary = await load("summary");
    if (Date.now() >= nextRetiring) {
      retiring = await load("retiring");
      nextRetiring = Date.now() + 1000 * RETIRING_SECONDS;
    }
    showState();
    showWho();
    showEssentials();
  } catch (problem) {
    setState(`no response from the proxy (${problem.message}); the data below is old`, "bad");
  }
  setTimeout(update, 1000 * SUMMARY_SECONDS);
}

function choose(chosen) {
  period = chosen;
  for (const id of ["day", "month"]) at(id).setAttribute("aria-pressed", String(id === chosen));
  if (retiring) showChart();
}

for (const id of ["day", "month"]) at(id).addEventListener("click", () => choose(id));
window.addEventListener("resize", () => { if (retiring) showChart(); });
update();
