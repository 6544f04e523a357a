// Charts as SVG: lines over time with a cursor, bars of an answer. Text reaches the document through textContent only.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 420;
const HEIGHT = 150;
const LEFT = 52;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 20;

/** A number in few characters: 1234 is 1,234; 45,600 is 45.6k. */
export function number(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1e9) return trim(value / 1e9) + "G";
  if (size >= 1e6) return trim(value / 1e6) + "M";
  if (size >= 1e4) return trim(value / 1e3) + "k";
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  return trim(value);
}

/** Bytes in units of 1024. */
export function bytes(value) {
  if (value === null || value === undefined) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  while (Math.abs(value) >= 1024 && at < units.length - 1) {
    value /= 1024;
    at += 1;
  }
  return trim(value) + " " + units[at];
}

/** Milliseconds in the unit that fits. */
export function duration(ms) {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return "–";
  const sign = ms < 0 ? "-" : "";
  const size = Math.abs(ms);
  for (const [unit, length] of [["d", 864e5], ["h", 36e5], ["min", 6e4], ["s", 1000]]) {
    if (size >= length) return sign + trim(size / length) + " " + unit;
  }
  return sign + trim(size) + " ms";
}

/** The time of day, or the day as well if it is not today. */
export function clock(ms) {
  const time = new Date(ms);
  const text = time.toLocaleTimeString("en-GB");
  return time.toDateString() === new Date().toDateString()
    ? text
    : time.toLocaleDateString("en-CA") + " " + text;
}

function trim(value) {
  const size = Math.abs(value);
  return value.toLocaleString("en", { maximumFractionDigits: size >= 100 ? 0 : size >= 10 ? 1 : 2 });
}

function draw(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

bytes.units = [1, 1024, 1024 ** 2, 1024 ** 3, 1024 ** 4];
duration.units = [1, 1000, 6e4, 36e5, 864e5];

/** Steps from a to b that are round in the unit of what is shown, about `count` of them. */
function ticks(low, high, count, units = [1]) {
  const unit = units.findLast((size) => size <= high - low) || 1;
  if (unit !== 1) return ticks(low / unit, high / unit, count).map((at) => at * unit);
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step / 1e6; at += step) found.push(at);
  return found;
}

function frame(label) {
  return draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label, class: "plot" });
}

function scaleOf(values, format) {
  const high = Math.max(0, ...values);
  const low = Math.min(0, ...values);
  const top = high === low ? low + 1 : high + (high - low) * 0.06;
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / (top - low));
  const lines = ticks(low, top, 3, format.units).flatMap((at) => [
    draw("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(at), y2: y(at), class: at === 0 ? "axis" : "grid" }),
    draw("text", { x: LEFT - 6, y: y(at) + 4, class: "tick end" }, format(at)),
  ]);
  return { y, lines };
}

/**
 * Lines over batches. `points` are {t, batch, values: [..]}, one value or null for each of `names`; `byTime` spaces them by
 * their time instead of evenly.
 */
export function lines(title, names, points, format, byTime) {
  const figure = document.createElement("figure");
  figure.className = "chart";
  const caption = document.createElement("figcaption");
  const heading = document.createElement("b");
  heading.textContent = title;
  caption.append(heading);
  const figures = names.map((name, at) => {
    const key = document.createElement("span");
    key.className = `key s${at + 1}`;
    const value = document.createElement("output");
    key.append(name === "" ? "" : name + " ", value);
    caption.append(key);
    return value;
  });
  const when = document.createElement("span");
  when.className = "when";
  caption.append(when);
  figure.append(caption);

  const all = points.flatMap((point) => point.values).filter((value) => value !== null && Number.isFinite(value));
  if (all.length === 0) {
    const none = document.createElement("p");
    none.className = "none";
    none.textContent = "no figures yet";
    figure.append(none);
    return figure;
  }
  const svg = frame(`${title}, ${points.length} batches`);
  const { y, lines: grid } = scaleOf(all, format);
  svg.append(...grid);
  const first = points[0].t;
  const span = points[points.length - 1].t - first;
  const room = WIDTH - LEFT - RIGHT;
  const x = (at) => {
    if (points.length === 1) return LEFT + room / 2;
    return LEFT + room * (byTime && span > 0 ? (points[at].t - first) / span : at / (points.length - 1));
  };
  const ends = points.length === 1 ? [[0, "middle"]] : [[0, "start"], [points.length - 1, "end"]];
  for (const [at, side] of ends) {
    svg.append(draw("text", { x: x(at), y: HEIGHT - 5, class: `tick ${side}` }, `${clock(points[at].t)} · ${points[at].batch}`));
  }
  names.forEach((_, series) => {
    let path = "";
    let pen = "M";
    let drawn = 0;
    points.forEach((point, at) => {
      const value = point.values[series];
      if (value === null || !Number.isFinite(value)) {
        pen = "M";
        return;
      }
      path += `${pen}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
      pen = "L";
      drawn += 1;
      if (points.length <= 12) svg.append(draw("circle", { cx: x(at), cy: y(value), r: 2.4, class: `dot s${series + 1}` }));
    });
    if (drawn > 0) svg.append(draw("path", { d: path, class: `line s${series + 1}` }));
  });
  const cursor = draw("line", { y1: TOP, y2: HEIGHT - BOTTOM, x1: 0, x2: 0, class: "cursor" });
  svg.append(cursor);
  const show = (at, asked) => {
    points[at].values.forEach((value, series) => (figures[series].textContent = format(value)));
    when.textContent = asked ? `batch ${points[at].batch}, ${clock(points[at].t)}` : "";
    cursor.setAttribute("x1", x(at));
    cursor.setAttribute("x2", x(at));
    cursor.classList.toggle("on", asked);
  };
  show(points.length - 1, false);
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const wanted = ((event.clientX - box.left) / box.width) * WIDTH;
    let nearest = 0;
    for (let at = 1; at < points.length; at += 1) {
      if (Math.abs(x(at) - wanted) < Math.abs(x(nearest) - wanted)) nearest = at;
    }
    show(nearest, true);
  });
  svg.addEventListener("pointerleave", () => show(points.length - 1, false));
  figure.append(svg);
  return figure;
}

/** Labels in few characters: of times what they have in common is left out, long ones are cut. */
function shortened(labels) {
  const times = labels.map((label) => /^(\d{4}-)(\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d)?/.exec(label));
  if (times.every((time) => time !== null)) {
    const same = (part) => times.every((time) => time[part] === times[0][part]);
    const seconds = times.some((time) => (time[4] || ":00") !== ":00");
    const day = same(1) && same(2) ? () => "" : same(1) ? (time) => time[2] + " " : (time) => time[1] + time[2] + " ";
    return times.map((time) => day(time) + time[3] + (seconds ? time[4] || ":00" : ""));
  }
  return labels.map((label) => ([...label].length > 16 ? [...label].slice(0, 15).join("") + "…" : label));
}

// As the style has it for `.answer .tick`.
const measure = document.createElement("canvas").getContext("2d");
measure.font = '7.5px system-ui, "DejaVu Sans", sans-serif';

/** As many labels as fit side by side, at even steps and within the frame. */
function thinned(labels, middle) {
  const widths = labels.map((label) => measure.measureText(label).width * 1.08 + 6);
  for (let step = 1; ; step += 1) {
    const chosen = [];
    let end = 0;
    let fits = true;
    for (let n = 0; n < labels.length && fits; n += step) {
      const half = widths[n] / 2;
      const at = Math.max(half, Math.min(WIDTH - half, middle(n)));
      fits = at - half >= end;
      end = at + half;
      chosen.push({ text: labels[n], at });
    }
    if (fits || step >= labels.length) return chosen;
  }
}

/** One column of an answer as bars or a line, with another as labels. */
export function answer(kind, labels, values) {
  const svg = frame(`${kind}, ${values.length} rows`);
  svg.classList.add("answer");
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return svg;
  const { y, lines: grid } = scaleOf(known, number);
  svg.append(...grid);
  const room = WIDTH - LEFT - RIGHT;
  const step = room / values.length;
  const middle = (at) => LEFT + step * (at + 0.5);
  if (kind === "line") {
    let path = "";
    let pen = "M";
    values.forEach((value, at) => {
      if (value !== null) path += `${pen}${middle(at).toFixed(1)} ${y(value).toFixed(1)}`;
      pen = value === null ? "M" : "L";
    });
    svg.append(draw("path", { d: path, class: "line s1" }));
  } else {
    values.forEach((value, at) => {
      if (value === null) return;
      const bar = draw("rect", {
        x: middle(at) - step * 0.4,
        width: step * 0.8,
        y: Math.min(y(value), y(0)),
        height: Math.max(1, Math.abs(y(value) - y(0))),
        class: "column s1",
      });
      bar.append(draw("title", {}, `${labels[at]}: ${value}`));
      svg.append(bar);
    });
  }
  for (const { text, at } of thinned(shortened(labels), middle)) {
    svg.append(draw("text", { x: at, y: HEIGHT - 5, class: "tick middle" }, text));
  }
  return svg;
}
