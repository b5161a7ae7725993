"use strict";
// Draws the plot that stands in the page as JSON: a panel a metric, all of them over the same epochs.

const plot = JSON.parse(document.getElementById("plot").textContent);
const HEIGHT = 210, LEFT = 56, RIGHT = 18, TOP = 8, BOTTOM = 30, FEW = 40, LANE = 9, MOST_TOLD = 6;
const DASHES = ["", "7 4", "2 3"];
const state = { hidden: new Set(), log: false, raw: true, from: plot.first, to: plot.last, epoch: null };
const panels = [];

function make(name, attributes = {}, parent = null, text = null) {
  const inSvg = ["svg", "g", "path", "line", "text", "rect", "circle", "title", "clipPath"].includes(name);
  const element = inSvg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== null) element.textContent = text;
  if (parent) parent.append(element);
  return element;
}
const colour = (number) => `var(--c${number % plot.colours})`;
const dashes = (number) => DASHES[Math.floor(number / plot.colours) % DASHES.length];
const number = (value) => String(Number(value.toPrecision(6)));
const visible = (panel) => panel.series.filter((series) => !state.hidden.has(series.number));

function roundSteps(low, high, most) {
  const power = 10 ** Math.floor(Math.log10((high - low) / most || 1));
  for (const step of [1, 2, 5, 10, 20, 50].map((factor) => factor * power)) {
    const first = Math.ceil(low / step - 1e-9), last = Math.floor(high / step + 1e-9);
    if (last - first < most) return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
  }
  return [low];
}
function powers(low, high) {
  const found = [];
  for (let power = Math.floor(low); power <= Math.ceil(high); power++) {
    for (const factor of high - low < 2 ? [1, 2, 5] : [1]) {
      const at = Math.log10(factor) + power;
      if (at >= low && at <= high) found.push(at);
    }
  }
  const thin = Math.ceil(found.length / 6) || 1;
  return found.filter((_, index) => index % thin === 0);
}
function tickText(value, step = 0, top = Math.abs(value)) {
  const size = Math.abs(value);
  if (size >= 1e9 || (size > 0 && top < 1e-3)) return value.toExponential().replace("e+", "e");
  if (size && top >= 1e4) return top >= 1e6 ? `${Number((value / 1e6).toPrecision(6))}M` : `${Number((value / 1e3).toPrecision(6))}k`;
  return value && step > 1e-9 ? value.toFixed(Math.max(0, -Math.floor(Math.log10(step) + 1e-9))) : String(value);
}

// The y axis of a panel: what is visible of it, and where it lies.
function scaleOf(panel) {
  const shown = [panel.threshold, panel.baseline];
  for (const series of visible(panel)) {
    series.epochs.forEach((epoch, index) => {
      if (epoch < state.from || epoch > state.to) return;
      shown.push(series.values[index], series.smooth[index]);
      if (series.low) shown.push(series.low[index], series.high[index]);
    });
  }
  let values = shown.filter((value) => value !== null);
  const log = state.log && values.some((value) => value > 0);
  if (log) values = values.filter((value) => value > 0).map(Math.log10);
  let low = values.length ? values.reduce((a, b) => Math.min(a, b)) : 0, high = values.length ? values.reduce((a, b) => Math.max(a, b)) : 1;
  const room = (high / 2 - low / 2) * 0.12 || Math.abs(high) * 0.1 || 0.5;
  low -= room; high += room;
  const above = TOP + LANE * panel.lanes, inner = HEIGHT - above - BOTTOM;
  const place = (value) => {
    if (value === null || (log && value <= 0)) return null;
    const at = log ? Math.log10(value) : value;
    return above + inner * (1 - (at / 2 - low / 2) / (high / 2 - low / 2));
  };
  const round = log ? powers(low, high).map((at) => Number((10 ** at).toPrecision(3))) : roundSteps(low, high, 5);
  const ticks = round.filter((tick) => Number.isFinite(tick) && place(tick) !== null);
  const top = log ? undefined : ticks.reduce((most, tick) => Math.max(most, Math.abs(tick)), 0);
  return { place, ticks, log, top, step: log || ticks.length < 2 ? 0 : ticks[1] - ticks[0] };
}
function across(panel) {
  const span = state.to - state.from, room = span ? 0 : 0.5, width = panel.width - LEFT - RIGHT;
  return (epoch) => LEFT + (width * (epoch - state.from + room)) / (span + 2 * room);
}

function pathOf(series, values, x, y) {
  let path = "", pen = "M";
  values.forEach((value, index) => {
    const at = y(value);
    if (at === null) { pen = "M"; return; }
    path += `${pen}${x(series.epochs[index]).toFixed(2)},${at.toFixed(2)}`;
    pen = "L";
  });
  return path;
}
function bandOf(series, x, y) {
  let path = "", stretch = [];
  const close = () => {
    const up = stretch.map(([at, , high]) => `${at},${high}`), down = stretch.reverse().map(([at, low]) => `${at},${low}`);
    if (stretch.length) path += `M${up.join("L")}L${down.join("L")}Z`;
    stretch = [];
  };
  series.epochs.forEach((epoch, index) => {
    const low = y(series.low[index]), high = y(series.high[index]);
    if (low === null || high === null) close();
    else stretch.push([x(epoch).toFixed(2), low.toFixed(2), high.toFixed(2)]);
  });
  close();
  return path;
}

function draw(panel) {
  panel.width = panel.svg.clientWidth || 370;
  panel.svg.setAttribute("viewBox", `0 0 ${panel.width} ${HEIGHT}`);
  panel.svg.replaceChildren();
  const x = across(panel), scale = scaleOf(panel), y = scale.place, floor = HEIGHT - BOTTOM;
  panel.x = x; panel.y = y;
  const clip = make("clipPath", { id: panel.clip }, panel.svg);
  make("rect", { x: LEFT, y: 0, width: panel.width - LEFT - RIGHT, height: floor }, clip);
  for (const tick of scale.ticks) {
    make("line", { class: "grid", x1: LEFT, x2: panel.width - RIGHT, y1: y(tick), y2: y(tick) }, panel.svg);
    make("text", { x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end" }, panel.svg, tickText(tick, scale.step, scale.top));
  }
  for (const tick of roundSteps(state.from, state.to, 6).filter(Number.isInteger)) {
    make("line", { class: "axis", x1: x(tick), x2: x(tick), y1: floor, y2: floor + 4 }, panel.svg);
    make("text", { x: x(tick), y: floor + 16, "text-anchor": "middle" }, panel.svg, tickText(tick));
  }
  make("text", { x: panel.width - RIGHT, y: HEIGHT - 2, "text-anchor": "end" }, panel.svg, state.log && !scale.log ? "epoch (linear: nothing is above 0)" : "epoch");
  make("path", { class: "axis", d: `M${LEFT},${TOP}V${floor}H${panel.width - RIGHT}` }, panel.svg);
  const inside = make("g", { "clip-path": `url(#${panel.clip})` }, panel.svg);
  for (const kind of ["baseline", "threshold"]) {
    const at = panel[kind] === null ? null : y(panel[kind]);
    if (at === null) continue;
    const line = make("line", { class: kind, x1: LEFT, x2: panel.width - RIGHT, y1: at, y2: at }, inside);
    make("title", {}, line, `${kind} ${number(panel[kind])}`);
  }
  for (const limit of panel.limits.filter((level) => y(level) !== null)) {
    const line = make("line", { class: "threshold", x1: LEFT, x2: panel.width - RIGHT, y1: y(limit), y2: y(limit) }, inside);
    make("title", {}, line, `limit of a rule: ${number(limit)}`);
  }
  for (const series of visible(panel)) drawSeries(panel, series, inside);
  drawEvents(panel, inside);
  drawFiring(panel, inside);
  panel.cursor = make("g", {}, panel.svg);
  point(panel);
}
function drawSeries(panel, series, inside) {
  const { x, y } = panel, own = colour(series.number), floor = HEIGHT - BOTTOM, name = plot.names[series.number];
  if (series.low) make("path", { class: "band", d: bandOf(series, x, y), fill: own, stroke: own }, inside);
  const isSmooth = plot.smooth > 0 && !plot.band;
  if (isSmooth && state.raw) make("path", { class: "raw", d: pathOf(series, series.values, x, y), stroke: own }, inside);
  const line = isSmooth || plot.band ? series.smooth : series.values;
  make("path", { class: "curve", d: pathOf(series, line, x, y), stroke: own, "stroke-dasharray": dashes(series.number), "data-run": name }, inside);
  const inView = series.epochs.map((epoch, index) => index).filter((index) => series.epochs[index] >= state.from && series.epochs[index] <= state.to);
  for (const index of inView.length <= FEW && !plot.band ? inView : []) {
    const at = y(series.values[index]);
    if (at !== null) make("circle", { cx: x(series.epochs[index]), cy: at, r: 2.2, fill: own }, inside);
  }
  for (const [epoch, rises] of series.crossings) {
    const at = x(epoch), level = y(panel.threshold);
    if (level === null) continue;
    const mark = make("path", { class: "crossing", d: rises ? `M${at - 4},${level + 4}h8l-4,-8z` : `M${at - 4},${level - 4}h8l-4,8z`, fill: own }, inside);
    make("title", {}, mark, `${name}: ${rises ? "rises above" : "falls below"} the threshold at epoch ${epoch}`);
  }
  series.epochs.forEach((epoch, index) => {
    if (!series.odd[index] || epoch < state.from || epoch > state.to) return;
    const at = x(epoch), mark = make("path", { class: "odd", d: `M${at - 3.5},${floor - 3.5}l7,7m0,-7l-7,7`, stroke: own }, panel.svg);
    make("title", {}, mark, `${name}: ${series.odd[index]} no number (NaN, infinity, invalid) at epoch ${epoch}`);
  });
}
function drawEvents(panel, inside) {
  const floor = HEIGHT - BOTTOM;
  for (const event of plot.events) {
    if (state.hidden.has(event.number) || event.epoch < state.from || event.epoch > state.to) continue;
    const at = panel.x(event.epoch), own = colour(event.number);
    const mark = event.kind === "resumed"
      ? make("line", { class: "resumed", x1: at, x2: at, y1: TOP, y2: floor, stroke: own }, inside)
      : make("path", { class: "rotated", d: `M${at},${floor - 4}v8`, stroke: own }, panel.svg);
    make("title", {}, mark, `${plot.names[event.number]}, epoch ${event.epoch}: ${event.words}`);
  }
}

const epochsOf = (firing) => (firing.last > firing.first ? `epochs ${number(firing.first)} to ${number(firing.last)}` : `epoch ${number(firing.first)}`);
function drawFiring(panel, inside) {
  for (const firing of panel.firing) {
    if (state.hidden.has(firing.number) || firing.last < state.from || firing.first > state.to) continue;
    const own = colour(firing.number), at = TOP + LANE * (firing.lane % panel.lanes), from = panel.x(firing.first);
    const bar = make("path", { class: "firing", d: `M${from},${at}H${panel.x(firing.last)}`, stroke: own }, inside);
    const diamond = firing.first < state.from ? "" : `M${from - 4.5},${at}l4.5,-4.5l4.5,4.5l-4.5,4.5z`;
    const mark = make("path", { class: "alert", d: diamond, fill: own }, panel.svg);
    for (const part of [bar, mark]) make("title", {}, part, `${plot.names[firing.number]}, ${epochsOf(firing)}: ${firing.words}`);
  }
}

// Where the pointer is: a line through all panels, and the values there.
function nearest(series, epoch) {
  let best = null;
  series.epochs.forEach((own, index) => {
    const isThere = own >= state.from && own <= state.to;
    if (isThere && (best === null || Math.abs(own - epoch) < Math.abs(series.epochs[best] - epoch))) best = index;
  });
  return best;
}
function valueText(series, index) {
  const value = series.values[index];
  if (value === null) return "no number";
  const smooth = plot.smooth > 0 ? `  (smoothed ${number(series.smooth[index])})` : "";
  const range = series.low && series.low[index] !== series.high[index] ? `  ${number(series.low[index])} … ${number(series.high[index])}` : "";
  return number(value) + smooth + range;
}
function point(panel) {
  panel.cursor.replaceChildren();
  panel.output.textContent = "";
  if (state.epoch === null) return;
  make("line", { class: "cursor", x1: panel.x(state.epoch), x2: panel.x(state.epoch), y1: TOP, y2: HEIGHT - BOTTOM }, panel.cursor);
  const shown = visible(panel);
  for (const series of shown) {
    const index = nearest(series, state.epoch), value = index === null ? null : plot.smooth > 0 || plot.band ? series.smooth[index] : series.values[index];
    const at = value === null ? null : panel.y(value);
    if (at !== null) make("circle", { cx: panel.x(series.epochs[index]), cy: at, r: 3.5, fill: colour(series.number), class: "dot" }, panel.cursor);
    if (shown.length === 1 && index !== null) panel.output.textContent = series.values[index] === null ? "no number" : number(series.values[index]);
  }
}
function move(panel, clientX, clientY) {
  const box = panel.svg.getBoundingClientRect(), width = panel.width - LEFT - RIGHT;
  const wished = state.from + ((clientX - box.left - LEFT) / width) * (state.to - state.from);
  let epoch = null;
  for (const series of visible(panel)) {
    const index = nearest(series, wished);
    if (index !== null && (epoch === null || Math.abs(series.epochs[index] - wished) < Math.abs(epoch - wished))) epoch = series.epochs[index];
  }
  at(panel, epoch, clientX, clientY);
}
function at(panel, epoch, clientX, clientY) {
  state.epoch = epoch;
  panels.forEach(point);
  const tip = document.getElementById("tip");
  tip.hidden = epoch === null;
  if (epoch === null) return;
  tip.replaceChildren();
  const table = make("table", {}, tip);
  let title = `epoch ${number(epoch)}`;
  for (const series of visible(panel)) {
    const index = nearest(series, epoch);
    if (index === null) continue;
    if (series.first && series.first[index] !== series.last[index] && series.epochs[index] === epoch) title = `epochs ${series.first[index]} to ${series.last[index]}`;
    const row = make("tr", {}, table);
    make("span", { class: "swatch", style: `border-color: ${colour(series.number)}` }, make("td", {}, row));
    make("td", {}, row, plot.names[series.number] + (Math.abs(series.epochs[index] - epoch) > 0.5 ? ` (epoch ${number(series.epochs[index])})` : ""));
    make("td", { class: "value" }, row, valueText(series, index));
  }
  const firing = panel.firing.filter((each) => !state.hidden.has(each.number) && each.first <= epoch && epoch <= each.last);
  for (const each of firing.slice(0, MOST_TOLD)) {
    const text = make("p", { class: "told" }, tip, each.words);
    text.prepend(make("span", { class: "swatch", style: `border-color: ${colour(each.number)}` }));
  }
  if (firing.length > MOST_TOLD) make("p", { class: "told" }, tip, `... and ${firing.length - MOST_TOLD} more rules`);
  tip.prepend(make("strong", {}, null, title));
  const beyond = clientX + tip.offsetWidth + 24 > innerWidth;
  tip.style.left = `${Math.max(4, beyond ? clientX - tip.offsetWidth - 14 : clientX + 14)}px`;
  tip.style.top = `${Math.max(4, Math.min(clientY + 14, innerHeight - tip.offsetHeight - 8))}px`;
}

function zoom(from, to) {
  [state.from, state.to] = [from, to];
  state.epoch = null;
  document.getElementById("tip").hidden = true;
  document.getElementById("reset").disabled = from === plot.first && to === plot.last;
  panels.forEach(draw);
}
function listen(panel) {
  const svg = panel.svg, epochAt = (clientX) => {
    const share = (clientX - svg.getBoundingClientRect().left - LEFT) / (panel.width - LEFT - RIGHT);
    return state.from + Math.min(Math.max(share, 0), 1) * (state.to - state.from);
  };
  let begin = null;
  svg.addEventListener("pointerdown", (event) => { begin = event.clientX; svg.setPointerCapture(event.pointerId); });
  svg.addEventListener("pointermove", (event) => {
    move(panel, event.clientX, event.clientY);
    if (begin === null) return;
    const [one, two] = [panel.x(epochAt(begin)), panel.x(epochAt(event.clientX))];
    make("rect", { class: "zoom", x: Math.min(one, two), y: TOP, width: Math.abs(two - one), height: HEIGHT - TOP - BOTTOM }, panel.cursor);
  });
  svg.addEventListener("pointerup", (event) => {
    const [from, to] = [epochAt(begin ?? event.clientX), epochAt(event.clientX)].sort((a, b) => a - b);
    const far = begin !== null && Math.abs(event.clientX - begin) > 6;
    begin = null;
    if (far && to > from) zoom(from, to);
  });
  svg.addEventListener("pointercancel", () => { begin = null; });
  svg.addEventListener("pointerleave", () => at(panel, null));
  svg.addEventListener("dblclick", () => zoom(plot.first, plot.last));
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const epochs = [...new Set(visible(panel).flatMap((series) => series.epochs))].sort((a, b) => a - b).filter((epoch) => epoch >= state.from && epoch <= state.to);
    if (!step || !epochs.length) return;
    const next = state.epoch === null ? (step > 0 ? 0 : epochs.length - 1) : Math.min(Math.max(epochs.indexOf(state.epoch) + step, 0), epochs.length - 1);
    const box = svg.getBoundingClientRect();
    at(panel, epochs[next], box.left + panel.x(epochs[next]), box.top + 20);
    event.preventDefault();
  });
}

function legend() {
  const place = document.querySelector(".legend");
  plot.names.forEach((name, index) => {
    const button = make("button", { type: "button", "aria-pressed": "true" }, place);
    make("span", { class: "swatch", style: `border-color: ${colour(index)}; border-top-style: ${["solid", "dashed", "dotted"][Math.floor(index / plot.colours) % 3]}` }, button);
    button.append(name);
    button.addEventListener("click", () => {
      const isHidden = state.hidden.has(index);
      state.hidden[isHidden ? "delete" : "add"](index);
      button.setAttribute("aria-pressed", String(isHidden));
      panels.forEach(draw);
    });
  });
}
function control(id, change) {
  document.getElementById(id).addEventListener("change", (event) => { change(event.target.checked); panels.forEach(draw); });
}

for (const [index, found] of plot.panels.entries()) {
  const figure = make("section", { class: "panel" }, document.querySelector("main"));
  const head = make("h2", {}, figure, found.metric);
  const panel = { ...found, clip: `clip-${index}`, output: make("output", {}, head) };
  make("p", { title: found.words }, figure, found.words || " ");
  panel.svg = make("svg", { tabindex: 0, role: "img", "aria-label": `${found.metric}: ${found.words}`, "data-metric": found.metric }, figure);
  panels.push(panel);
  listen(panel);
}
legend();
control("log", (on) => { state.log = on; });
control("raw", (on) => { state.raw = on; });
document.getElementById("reset").addEventListener("click", () => zoom(plot.first, plot.last));
new ResizeObserver(() => panels.forEach(draw)).observe(document.querySelector("main"));
panels.forEach(draw);
