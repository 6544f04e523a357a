// The page: a list of queries, and all about the one that is chosen. Values of rows, names and errors come from outside and
// reach the document through textContent and attributes only, never as HTML.

import { answer, bytes, clock, duration, lines, number } from "./charts.js";

/** Reports kept per sink; the checkpoint itself keeps up to two hundred. */
const KEPT = 400;
/** Milliseconds between two looks at what a running source does. */
const LOOK = 1000;

const state = {
  queries: [],
  id: null, // the query that is shown
  details: null,
  sink: null, // the sink whose figures are shown
  reports: [],
  byTime: false,
  stamp: "", // the summary of the query when it was read last
  reading: false,
  parts: null, // the elements that are filled anew
};

function make(name, options = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(options)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "text") element.textContent = value;
    else if (key === "class") element.className = value;
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

async function ask(path, body) {
  const options = body === undefined ? {} : {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  const response = await fetch(path, options);
  const value = await response.json();
  if (!response.ok) throw new Error(value.error || `status ${response.status}`);
  return value;
}

const pathOf = (id) => `/api/queries/${encodeURIComponent(id)}`;
const nameOf = (query) => query.title;
const badge = (query) => make("span", { class: `badge ${query.status}`, text: query.status });
const perSecond = (value) => (value === null || value === undefined ? "–" : `${number(value)}/s`);

// The list.

function drawList() {
  const nav = document.getElementById("queries");
  const items = state.queries.map((query) =>
    make("a", { href: `#${encodeURIComponent(query.id)}`, class: "item", "aria-current": query.id === state.id ? "page" : null, title: query.checkpoint || query.id },
      make("span", { class: "name", text: nameOf(query) }),
      badge(query),
      make("span", { class: "rate", text: perSecond(query.inputRowsPerSecond) }),
      make("span", { class: "batch", text: query.batchId < 0 ? "no batch yet" : `batch ${query.batchId}` })));
  if (items.length === 0) {
    items.push(make("p", { class: "nothing", text: "No query runs, and none is below the folders. One started with --checkpoint below them appears here by itself." }));
  }
  nav.replaceChildren(...items);
}

function choose() {
  const wanted = decodeURIComponent(location.hash.slice(1));
  const known = state.queries.some((query) => query.id === wanted);
  const worst = state.queries.find((query) => query.status === "failed");
  const id = known ? wanted : (state.queries.some((query) => query.id === state.id) ? state.id : (worst || state.queries[0] || {}).id) || null;
  if (id !== state.id) {
    Object.assign(state, { id, details: null, sink: null, reports: [], stamp: "", parts: null });
  }
  drawList();
  if (id === null) {
    document.title = "st";
    document.getElementById("query").replaceChildren();
    return;
  }
  const summary = JSON.stringify(state.queries.find((query) => query.id === id));
  if (summary !== state.stamp) read(summary);
}

/** Reads the chosen query anew. */
async function read(summary) {
  if (state.reading) return;
  state.reading = true;
  const id = state.id;
  try {
    const details = await ask(pathOf(id));
    const sink = details.sinks.find((one) => one.name === state.sink) || details.sinks[0] || null;
    const same = sink !== null && sink.name === state.sink && state.details !== null && state.details.runId === details.runId;
    let reports = same ? state.reports : [];
    const last = reports[reports.length - 1];
    if (sink !== null && (last === undefined || sink.last === null || sink.last.batchId !== last.batchId || sink.last.timestamp !== last.timestamp)) {
      const after = last === undefined ? "" : `&after=${last.batchId}`;
      const newer = await ask(`${pathOf(id)}/progress?sink=${encodeURIComponent(sink.name)}${after}`);
      reports = reports.concat(newer).slice(-KEPT);
    }
    if (id !== state.id) return;
    Object.assign(state, { details, reports, sink: sink === null ? null : sink.name });
    if (summary !== undefined) state.stamp = summary;
    drawQuery();
  } catch (error) {
    if (id === state.id && state.parts === null) {
      document.getElementById("query").replaceChildren(make("p", { class: "error", text: error.message }));
    }
  } finally {
    state.reading = false;
    if (id !== state.id) choose();
  }
}

// One query.

function drawQuery() {
  const main = document.getElementById("query");
  if (state.parts === null) {
    const part = (label) => make("section", label ? { "aria-label": label } : {});
    state.parts = { head: part(), pipeline: part("Pipeline"), charts: part("Charts"), sql: part("SQL"), report: part("Last progress") };
    main.replaceChildren(...Object.values(state.parts));
    drawSql();
  } else if (state.parts.sqlSink !== state.sink) drawSql();
  document.title = `${nameOf(state.details)} · st`;
  drawHead();
  drawPipeline();
  drawCharts();
  drawReport();
  if (state.parts.again) state.parts.again();
}

const sinkNow = () => state.details.sinks.find((sink) => sink.name === state.sink);

function drawHead() {
  const query = state.details;
  const last = (sinkNow() || {}).last;
  const parts = [
    make("h2", {}, make("span", { text: nameOf(query) }), badge(query)),
    make("p", { class: "message", text: query.status === "failed" ? `since ${clock(Date.parse(query.error.time || query.started))}` : query.message }),
  ];
  if (query.error) {
    parts.push(make("div", { class: "error", role: "alert" }, make("b", { text: query.error.stage }), make("span", { text: query.error.error })));
  }
  for (const live of query.live.filter((one) => one.bytes && one.bytes.total > 0)) {
    const share = Math.min(1, live.bytes.done / live.bytes.total);
    parts.push(make("p", { class: "reading" },
      make("progress", { max: 1, value: share }),
      make("span", { text: `${bytes(live.bytes.done)} of ${bytes(live.bytes.total)} read (${Math.round(share * 100)} %)` })));
  }
  if (last) {
    const totals = last.st.totals;
    const latency = last.st.latencyMs;
    const mark = last.st.watermark;
    const tile = (label, value, note) =>
      make("div", { class: "tile" }, make("span", { text: label }), make("b", { text: value }), make("small", { text: note || "" }));
    parts.push(make("div", { class: "tiles" },
      tile("batch", String(last.batchId), `${number(totals.batches)} in this run`),
      tile("rows in", number(totals.in), `${number(last.numInputRows)} in the last batch`),
      tile("rows out", number(totals.out), `${number(last.sink.numOutputRows)} in the last batch`),
      tile("input", perSecond(last.inputRowsPerSecond), `processed at ${perSecond(last.processedRowsPerSecond)}`),
      tile("latency p95", latency ? duration(latency.p95) : "–", latency ? `p50 ${duration(latency.p50)}, p99 ${duration(latency.p99)}` : ""),
      tile("watermark", mark ? clock(Date.parse(mark)) : "none", mark ? `${duration(Date.parse(last.timestamp) - Date.parse(mark))} behind` : "")));
  }
  const facts = [["id", query.id], ["run", query.runId], ["started", query.started], ["checkpoint", query.checkpoint]];
  parts.push(make("dl", { class: "facts" }, ...facts.filter(([, value]) => value).flatMap(([name, value]) => [make("dt", { text: name }), make("dd", { text: value })])));
  if (query.sinks.length > 1) {
    parts.push(make("div", { class: "tabs", role: "group", "aria-label": "Sink" }, ...query.sinks.map((sink) =>
      make("button", { type: "button", text: sink.name, "aria-pressed": String(sink.name === state.sink), onclick: () => chooseSink(sink.name) }))));
  }
  state.parts.head.replaceChildren(...parts);
}

function chooseSink(name) {
  Object.assign(state, { sink: name, reports: [] });
  read();
}

// The pipeline: stages that several sinks have in common are drawn once.

function tree(sinks) {
  const roots = [];
  for (const sink of sinks) {
    let level = roots;
    const stages = sink.plan.length > 0 ? sink.plan : ((sink.last && sink.last.st.stages) || []);
    for (const stage of stages) {
      let node = level.find((one) => one.plan.name === stage.name);
      if (node === undefined) {
        node = { plan: stage, next: [] };
        level.push(node);
      }
      const report = sink.last && sink.last.st.stages.find((one) => one.name === stage.name);
      node.report = node.report || report;
      node.sink = stage === stages[stages.length - 1] ? sink : null;
      level = node.next;
    }
  }
  return roots;
}

const busyShare = (report) => {
  const whole = report.busyMs + report.waitInMs + report.waitOutMs;
  return whole > 0 ? report.busyMs / whole : 0;
};

/** The plans of a stage's further inputs: those of st-union, the right side of st-join. */
const inputsOf = (plan) => [...(plan.inputs || []), plan.right].filter((input) => Array.isArray(input) && input.length > 0);

/** Rows of stages that lead into one of `nodes` from aside, without what is drawn already. */
function feeds(nodes) {
  const known = new Set(nodes.map((node) => node.plan.name));
  const reports = new Map(state.details.sinks.flatMap((sink) => (sink.last ? sink.last.st.stages : [])).map((report) => [report.name, report]));
  const found = [];
  const add = (into, plan) => {
    for (const input of inputsOf(plan)) {
      const own = input.filter((stage) => !known.has(stage.name));
      own.forEach((stage) => known.add(stage.name));
      if (own.length > 0) found.push({ into, nodes: own.map((stage) => ({ plan: stage, report: reports.get(stage.name), next: [] })) });
      input.forEach((stage) => add(stage.name, stage));
    }
  };
  nodes.forEach((node) => add(node.plan.name, node.plan));
  return found;
}

function drawPipeline() {
  const roots = tree(state.details.sinks);
  const all = [];
  const collect = (nodes, depth) => Math.max(depth, ...nodes.map((node) => {
    all.push(node);
    return collect(node.next, depth + 1);
  }));
  const depth = collect(roots, 0);
  const sides = feeds(all);
  sides.forEach((side) => all.push(...side.nodes));
  const busiest = all.filter((node) => node.report).sort((a, b) => busyShare(b.report) - busyShare(a.report))[0];
  const slow = busiest && busyShare(busiest.report) >= 0.5 ? busiest : null;
  const node = (one) => make("div", { class: "node" }, box(one, one === slow),
    one.next.length > 0 ? make("div", { class: one.next.length > 1 ? "next fork" : "next" }, ...one.next.map(node)) : null);
  const into = (name) => make("div", { class: "next" }, make("div", { class: "node" }, make("span", { class: "into", text: `into ${name}` })));
  const chain = ([first, ...rest], name) => make("div", { class: "node" }, box(first, first === slow),
    rest.length > 0 ? make("div", { class: "next" }, chain(rest, name)) : into(name));
  const drawing = (deep, ...parts) => {
    const element = make("div", { class: "pipeline" }, ...parts);
    element.style.setProperty("--deep", deep);
    return element;
  };
  const legend = make("p", { class: "legend" },
    make("span", { class: "swatch busy" }), "busy", make("span", { class: "swatch in" }), "waits for input", make("span", { class: "swatch out" }), "waits for output");
  const title = make("h3", { text: "Pipeline" });
  if (roots.length === 0) {
    state.parts.pipeline.replaceChildren(title, make("p", { class: "none", text: "no sink has started yet" }));
    return;
  }
  state.parts.pipeline.replaceChildren(title, drawing(depth, ...roots.map(node)),
    ...sides.map((side) => drawing(side.nodes.length + 1, chain(side.nodes, side.into))), legend);
  fitPipeline();
}

/** A pipeline for which there is no room side by side, with its boxes as narrow as they can be read, goes downwards. */
function fitPipeline() {
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  for (const drawing of document.querySelectorAll(".pipeline")) {
    const deep = Number(drawing.style.getPropertyValue("--deep"));
    drawing.classList.toggle("tall", deep * 8.4 + (deep - 1) * 1.5 + 1.2 > drawing.clientWidth / rem);
  }
}

/** What a stage was told, as a person would say it: a line for each thing, a list's things one after the other. */
function told(options) {
  const text = (value) => typeof value === "string" ? value : JSON.stringify(value);
  return Object.entries(options).flatMap(([key, value]) => {
    if (!Array.isArray(value)) return [`${key}: ${text(value)}`];
    if (value.length > 0 && value.every((one) => one && typeof one === "object" && !Array.isArray(one))) return value.flatMap(told);
    return [`${key}: ${value.map(text).join(", ")}`];
  });
}

function box(node, slow) {
  const { plan, report } = node;
  const failed = state.details.error && state.details.error.stage === plan.name;
  const options = told(plan.options || {});
  const children = [
    make("header", {}, make("b", { text: plan.name }), plan.tool && plan.tool !== plan.name ? make("small", { text: plan.tool }) : null,
      failed ? make("em", { class: "bad", text: "failed" }) : slow ? make("em", { text: "bottleneck" }) : null),
    make("p", { class: "options", text: options.join("\n"), title: options.join("\n") }),
  ];
  if (report) {
    children.push(make("p", { class: "rows" },
      make("span", { text: `${number(report.in)} in` }), make("span", { class: "arrow", text: "→" }), make("span", { text: `${number(report.out)} out` })));
    const counts = [["filtered", report.filtered, ""], ["late", report.late, "warn"], ["rejected", report.bad, "bad"], ["failed", report.failed, "warn"]];
    const chips = counts.filter(([, count]) => count > 0).map(([name, count, kind]) => make("span", { class: `chip ${kind}`, text: `${number(count)} ${name}` }));
    if (report.state) chips.push(make("span", { class: "chip state", text: `${number(report.state.rows)} keys, ${bytes(report.state.bytes)}` }));
    if (chips.length > 0) children.push(make("p", { class: "chips" }, ...chips));
    children.push(shares(report));
  }
  return make("article", { class: `stage${slow ? " slow" : ""}${failed ? " failed" : ""}` }, ...children);
}

/** The bar that shows who waits for whom. */
function shares(report) {
  const whole = report.busyMs + report.waitInMs + report.waitOutMs || 1;
  const parts = [["busy", report.busyMs, "busy"], ["in", report.waitInMs, "waiting for input"], ["out", report.waitOutMs, "waiting for output"]];
  const told = parts.map(([, ms, name]) => `${name} ${duration(ms)}`).join(", ");
  const bar = make("div", { class: "shares", role: "img", "aria-label": told, title: told });
  for (const [kind, ms] of parts) {
    const piece = make("span", { class: kind });
    piece.style.width = `${(ms / whole) * 100}%`;
    bar.append(piece);
  }
  return bar;
}

// Figures over time.

function drawCharts() {
  const points = (get) => state.reports.map((report) => ({ t: Date.parse(report.timestamp), batch: report.batchId, values: get(report) }));
  const value = (number) => (number === undefined ? null : number);
  const sum = (report, get) => report.st.stages.reduce((all, stage) => all + get(stage), 0);
  const held = (report, get) => {
    const stages = report.st.stages.filter((stage) => stage.state);
    return stages.length === 0 ? null : stages.reduce((all, stage) => all + get(stage.state), 0);
  };
  const chart = (title, names, format, get) => lines(title, names, points(get), format, state.byTime);
  const latency = (report, of) => (report.st.latencyMs ? report.st.latencyMs[of] : null);
  const toggle = make("label", { class: "toggle" },
    make("input", { type: "checkbox", checked: state.byTime, onchange: (event) => {
      state.byTime = event.target.checked;
      drawCharts();
    } }), "spaced by time");
  state.parts.charts.replaceChildren(
    make("div", { class: "bar" }, make("h3", { text: state.details.sinks.length > 1 ? `Batches at ${state.sink}` : "Batches" }), toggle),
    make("div", { class: "charts" },
      chart("Rows per second", ["input", "processed"], number, (report) => [value(report.inputRowsPerSecond), value(report.processedRowsPerSecond)]),
      chart("Batch duration", [""], duration, (report) => [report.batchDuration]),
      chart("Latency", ["p50", "p95", "p99"], duration, (report) => [latency(report, "p50"), latency(report, "p95"), latency(report, "p99")]),
      chart("Watermark behind the clock", [""], duration, (report) => [report.st.watermark ? Date.parse(report.timestamp) - Date.parse(report.st.watermark) : null]),
      chart("State, keys", [""], number, (report) => [held(report, (held) => held.rows)]),
      chart("State, memory", [""], bytes, (report) => [held(report, (held) => held.bytes)]),
      chart("Rows per batch", ["in", "out"], number, (report) => [report.numInputRows, report.sink.numOutputRows]),
      chart("Late and rejected rows", ["late", "rejected"], number, (report) => [sum(report, (stage) => stage.late), sum(report, (stage) => stage.bad)])));
}

function drawReport() {
  const open = state.parts.report.querySelector("details")?.open;
  const last = (sinkNow() || {}).last;
  if (!last) {
    state.parts.report.replaceChildren();
    return;
  }
  state.parts.report.replaceChildren(make("details", { open }, make("summary", { text: "Last progress" }), make("pre", { text: JSON.stringify(last, null, 2) })));
}

// Questions to the sink's table.

function drawSql() {
  const sink = sinkNow();
  state.parts.sqlSink = state.sink;
  state.parts.again = null;
  if (!sink || !sink.table) {
    state.parts.sql.replaceChildren();
    return;
  }
  const quoted = /^[A-Za-z_][A-Za-z0-9_]*$/.test(sink.table) ? sink.table : `"${sink.table.replaceAll('"', '""')}"`;
  const box = make("textarea", { rows: 3, spellcheck: "false", "aria-label": "SQL", autocapitalize: "off" });
  box.value = `SELECT * FROM ${quoted} LIMIT 100`;
  const result = make("div", { class: "result" });
  const follow = make("input", { type: "checkbox" });
  const chart = { kind: null, label: null, value: null };
  let asking = false;
  let batch = null;
  const run = async () => {
    if (asking) return;
    asking = true;
    try {
      drawAnswer(result, await ask(`${pathOf(state.id)}/sql`, { sink: sink.name, sql: box.value }), chart);
    } catch (error) {
      result.replaceChildren(make("p", { class: "error", text: error.message }));
    }
    asking = false;
  };
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      run();
    }
  });
  state.parts.again = () => {
    const now = ((sinkNow() || {}).last || {}).batchId;
    if (now !== batch && follow.checked) run();
    batch = now;
  };
  state.parts.sql.replaceChildren(
    make("div", { class: "bar" }, make("h3", { text: "SQL" }), make("span", { class: "hint", text: `table ${quoted}${sink.columns ? `: ${sink.columns.join(", ")}` : ""}` })),
    box,
    make("div", { class: "bar" }, make("button", { type: "button", class: "run", text: "Run", title: "Ctrl+Enter", onclick: run }),
      make("label", { class: "toggle" }, follow, "again with each batch")),
    result);
}

function drawAnswer(host, found, chart) {
  const { columns, rows } = found;
  const numeric = columns.map((_, at) => rows.some((row) => typeof row[at] === "number") && rows.every((row) => row[at] === null || typeof row[at] === "number"));
  const cell = (value, at) => make("td", { class: value === null ? "null" : numeric[at] ? "number" : null, text: value === null ? "NULL" : String(value) });
  const table = make("div", { class: "table" }, make("table", {},
    make("thead", {}, make("tr", {}, ...columns.map((name, at) => make("th", { class: numeric[at] ? "number" : null, text: name })))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map(cell))))));
  const told = `${rows.length}${found.more ? " or more" : ""} row${rows.length === 1 ? "" : "s"}, ${found.ms} ms`;
  host.replaceChildren(make("p", { class: "hint", text: told }), chartOf(columns, rows, numeric, chart), table);
}

/** A chart of a numeric column, with what is drawn to choose. */
function chartOf(columns, rows, numeric, chart) {
  if (rows.length < 2 || !numeric.includes(true)) return "";
  if (!columns.includes(chart.value) || !numeric[columns.indexOf(chart.value)]) chart.value = columns[numeric.lastIndexOf(true)];
  if (!columns.includes(chart.label)) chart.label = columns[Math.max(0, numeric.indexOf(false))];
  const labelAt = columns.indexOf(chart.label);
  const isTime = rows.every((row) => row[labelAt] !== null && /^\d{4}-\d\d-\d\d/.test(String(row[labelAt])));
  const ordered = isTime ? [...rows].sort((a, b) => (String(a[labelAt]) < String(b[labelAt]) ? -1 : 1)) : rows;
  chart.kind = chart.kind || (isTime && new Set(rows.map((row) => row[labelAt])).size === rows.length ? "line" : "bars");
  const figure = make("figure", { class: "chart wide" });
  const pick = (name, values) => make("label", { class: "pick" }, name + " ", make("select", { onchange: (event) => {
    chart[name] = event.target.value;
    figure.replaceWith(chartOf(columns, rows, numeric, chart));
  } }, ...values.map((value) => make("option", { text: value, value, selected: value === chart[name] }))));
  figure.append(
    make("figcaption", {}, pick("kind", ["bars", "line"]), pick("value", columns.filter((_, at) => numeric[at])), pick("label", columns)),
    answer(chart.kind, ordered.map((row) => String(row[labelAt])), ordered.map((row) => row[columns.indexOf(chart.value)])));
  return figure;
}

// Live.

function connection(text, kind) {
  const place = document.getElementById("connection");
  place.textContent = text;
  place.className = `connection ${kind}`;
}

const events = new EventSource("/api/events");
events.addEventListener("open", () => connection("live", "on"));
events.addEventListener("message", (event) => {
  connection("live", "on");
  state.queries = JSON.parse(event.data);
  choose();
});
events.addEventListener("error", () => {
  connection(events.readyState === EventSource.CLOSED ? "refused: load the page again" : "st-ui does not answer; trying again", "off");
});
addEventListener("hashchange", choose);
addEventListener("resize", fitPipeline);
// Between two batches only the source's own figures move, which are not in the list.
setInterval(() => {
  const query = state.details;
  if (query && !document.hidden && (query.status === "processing" || query.sinks.length > 1) && query.live.length > 0) read();
}, LOOK);
