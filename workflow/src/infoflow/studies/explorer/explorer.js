"use strict";
// The explorer: one state (experiment, colour, σ_b², cell, score, threshold), kept in the address, and a view of it.
(() => {
const data = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);
const MISSING = "not measured";
const SHORT = {H: "differential_entropy", R2: "explained_variance", D: "relative_entropy"};
const SYMBOL = {H: "H", R2: "R²", D: "D"};
const COLOURS = ["--first", "--second", "--third", "--fourth"];
const DASHES = ["solid", "dash", "dashdot", "longdash"];
const PLAIN = {displayModeBar: false, responsive: true};
const TRAINED = 0, INFERRED = 1;  // truth_source of the cube

const state = {experiment: 0, quantity: "", b: 0, w: 0, row: 0, score: 0, threshold: NaN};
let here;     // the experiment that is shown
let preview;  // the cell under the pointer, if any

// --- arrays of the cube

const TYPES = {f4: Float32Array, f8: Float64Array, i1: Int8Array, i4: Int32Array};

function values(name) {
  const packed = here.arrays[name];
  packed.values ??= new TYPES[packed.type](Uint8Array.from(atob(packed.data), c => c.charCodeAt(0)).buffer);
  return packed.values;
}

// A value at indices by dimension; dimensions that the array lacks are left out.
function at(name, where) {
  const {dims, shape} = here.arrays[name];
  return values(name)[dims.reduce((k, dim, i) => k * shape[i] + where[dim], 0)];
}

function along(name, dim, where) {
  const size = here.arrays[name].shape[here.arrays[name].dims.indexOf(dim)];
  return Array.from({length: size}, (_, i) => at(name, {...where, [dim]: i}));
}

const known = list => list.filter(x => !Number.isNaN(x));
const mean = list => (list = known(list), list.length ? list.reduce((a, x) => a + x, 0) / list.length : NaN);
const share = labels => mean(labels.map(x => x < 0 ? NaN : x));

// --- words

const minus = text => text.replace("-", "−");
function words(x, digits = 7) {
  if (x === null || x === undefined || Number.isNaN(x)) return MISSING;
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
  return minus(String(Number(x.toPrecision(digits))));
}

function element(tag, content, attributes = {}) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...(Array.isArray(content) ? content : [content]));
  return made;
}

// A number to read, with all digits of the cube beside it.
const number = (x, digits) => Number.isNaN(x) ? MISSING :
  element("data", words(x, digits), {value: String(x), title: words(x, 17)});
const interval = (name, where) => [number(at(name, where), 4),
  ...(Number.isNaN(at(`${name}_low`, where)) ? [] :
    [" [", number(at(`${name}_low`, where), 3), ", ", number(at(`${name}_high`, where), 3), "]"])];

function table(id, head, rows) {
  const caption = $(id).caption;
  const cells = (row, first) => row.map((x, i) =>
    i && !first ? element("td", x) : element("th", x, {scope: first ? "col" : "row"}));
  $(id).replaceChildren(...(caption ? [caption] : []),
    ...(head ? [element("thead", element("tr", cells(head, true)))] : []),
    element("tbody", rows.map(({cells: row, chosen}) => element("tr", cells(row), chosen ? {class: "chosen"} : {}))));
}

// --- what is measured

const byDepth = () => here.truth !== null;
const rows = () => byDepth() ? here.axes.depth : here.axes.layer;
const rowName = () => byDepth() ? "depth" : "layer";
const deepest = () => here.axes.depth.length - 1;

// The indices of a cell; without ground truth the layers are those of the deepest network.
function place(w, row) {
  return {sigma_b2: state.b, sigma_w2: w, ...(byDepth() ? {depth: row} : {depth: deepest(), layer: row})};
}

function quantities() {
  if (!byDepth())
    return here.methods.flatMap(m => Object.keys(SHORT).map(k => ({
      id: m.prefix + SHORT[k], title: `${SYMBOL[k]} of the layer, ${m.title}`,
      of: cell => mean(along(m.prefix + SHORT[k], "replica", cell)), reversed: k === "D"})));
  return [
    {id: "share", title: "share of the replicas that train", unit: true,
      of: cell => share(along("trainable", "replica", cell))},
    {id: "accuracy", title: "test accuracy reached, mean", unit: true,
      of: cell => mean(along("reached_accuracy", "replica", cell))},
    {id: "probability", title: "probability of training, fit over depth", unit: true,
      of: cell => at("train_probability", cell)},
    ...here.scores.map((s, score) => ({id: s.name, title: `score: ${s.title}`,
      of: cell => mean(along("prediction_score", "replica", {...cell, score}))})),
  ];
}

// Networks that are scored and labelled, as the cube's AUROC takes them: [score, whether trainable].
function networks(score) {
  const scores = values("prediction_score"), labels = values("trainable"), count = here.scores.length, found = [];
  for (let k = 0; k < labels.length; k++) {
    const x = scores[k * count + score];
    if (labels[k] >= 0 && !Number.isNaN(x)) found.push([x, labels[k] === 1]);
  }
  return found;
}

// Thresholds between neighbouring scores, and beyond the last ones.
function candidates(score) {
  const levels = [...new Set(networks(score).map(([x]) => x).filter(Number.isFinite))].sort((a, b) => a - b);
  if (!levels.length) return [];
  return [levels[0] - 1, ...levels.slice(1).map((x, i) => (x + levels[i]) / 2), levels.at(-1) + 1];
}

function confusion(score, threshold) {
  const counts = {hit: 0, missed: 0, false: 0, rejected: 0};
  for (const [x, good] of networks(score))
    counts[x >= threshold ? (good ? "hit" : "false") : (good ? "missed" : "rejected")]++;
  return counts;
}

// Largest depth of a column that at least half of its replicas are predicted to train at: its index, -1 for none.
function predictedRow(w) {
  const reached = rows().map((_, depth) => {
    const scores = known(along("prediction_score", "replica", {...place(w, depth), score: state.score}));
    return scores.length ? scores.filter(x => x >= state.threshold).length * 2 >= scores.length : null;
  });
  return reached.every(x => x === null) ? null : reached.lastIndexOf(true);
}

// --- plots

const ink = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function layout(x, y, more = {}) {
  const axis = {gridcolor: ink("--line"), zerolinecolor: ink("--line"), linecolor: ink("--ink")};
  return {
    margin: {l: 45, r: 8, t: 8, b: 40}, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: {color: ink("--ink"), size: 12}, showlegend: false, dragmode: false, hovermode: "closest",
    ...more, xaxis: {...axis, title: {text: x}, ...more.xaxis},
    yaxis: {...axis, automargin: true, title: {text: y, standoff: 4}, ...more.yaxis},
  };
}

// Some values of an axis, as many as there is room for.
function ticks(list, room) {
  const step = Math.max(1, Math.ceil(list.length / room));
  const some = list.map((x, i) => i).filter(i => i % step === 0);
  return {tickmode: "array", tickvals: some, ticktext: some.map(i => words(list[i], 4))};
}

// Where a value lies between those of an axis, as an index with a fraction; null beyond them.
function between(list, x) {
  const above = list.findIndex(v => v >= x);
  if (Number.isNaN(x) || above < 0 || (above === 0 && list[0] > x)) return null;
  return above === 0 ? 0 : above - 1 + (x - list[above - 1]) / (list[above] - list[above - 1]);
}

function limits(list, unit) {
  if (unit) return [0, 1];
  const sorted = list.filter(Number.isFinite).sort((a, b) => a - b);
  if (!sorted.length) return [0, 1];
  const end = part => sorted[Math.round(part * (sorted.length - 1))];
  return end(.99) > end(.01) ? [end(.01), end(.99)] : [end(.01) - .5, end(.01) + .5];
}

function drawMap() {
  const {sigma_w2, sigma_b2} = here.axes, list = rows(), all = quantities();
  const quantity = all.find(q => q.id === state.quantity) ?? all[0];
  const z = list.map((_, row) => sigma_w2.map((_, w) => quantity.of(place(w, row))));
  const [zmin, zmax] = limits(z.flat(), quantity.unit);
  const text = z.map((line, row) => line.map((x, w) =>
    `σ<sub>w</sub>² ${words(sigma_w2[w])}, ${rowName()} ${list[row]}: ${words(x)}`));
  const gap = sigma_w2.length > 40 || list.length > 40 ? 0 : 1;
  const traces = [{
    type: "heatmap", x: sigma_w2.map((_, i) => i), y: list.map((_, i) => i), text, hoverinfo: "text", zmin, zmax,
    z: z.map(line => line.map(x => x === Infinity ? zmax : x === -Infinity ? zmin : Number.isNaN(x) ? null : x)),
    colorscale: "Viridis", reversescale: quantity.reversed === true, xgap: gap, ygap: gap,
    colorbar: {orientation: "h", y: 1.02, yanchor: "bottom", thickness: 10, len: 1, outlinewidth: 0},
  }];
  const line = ([x, y], ...strokes) => strokes.map(([color, width, dash]) => ({
    type: "scatter", mode: "lines", x, y, line: {color, width, dash}, hoverinfo: "skip"}));
  const band = [["black", 7, "solid"], ["white", 4.5, "solid"]];
  const dashes = [["white", 4.5, "solid"], ["black", 2, "dash"]];
  const steps = found => [sigma_w2.flatMap((_, w) => [w - .5, w + .5]),
    found.flatMap(k => k === null ? [null, null] : [k + .5, k + .5])];
  const edge = between(sigma_w2, at("edge_of_chaos", {sigma_b2: state.b}));
  if (edge !== null)
    traces.push(...line([[edge, edge], [-.5, list.length - .5]], ["white", 3.5, "solid"], ["black", 2, "dot"]));
  if (byDepth()) {
    const reached = sigma_w2.map((_, w) => at("trainable_depth", place(w, 0)));
    traces.push(...line(steps(reached.map(d => Number.isNaN(d) ? null : list.indexOf(d))), ...band));
    if (!Number.isNaN(state.threshold)) {
      const found = sigma_w2.map((_, w) => predictedRow(w));
      traces.push(...line(steps(found), ...dashes));
      traces.push({type: "scatter", mode: "markers", name: "predicted", hoverinfo: "skip",
        x: sigma_w2.map((_, w) => w), y: found.map(k => k === null ? null : k + .5),
        marker: {symbol: "square", size: 8, color: "white", line: {color: "black", width: 1.5}}});
    }
    if (sigma_w2.length * list.length <= 600) {
      const labels = list.flatMap((_, row) => sigma_w2.map((_, w) =>
        [w, row, share(along("trainable", "replica", place(w, row)))]));
      const marks = (some, symbol, color, edge, width) => traces.push({type: "scatter", mode: "markers",
        x: some.map(s => s[0]), y: some.map(s => s[1]), hoverinfo: "skip",
        marker: {symbol, size: 6, color, line: {color: edge, width}}});
      const fail = labels.filter(([, , x]) => x < .5);
      marks(labels.filter(([, , x]) => x >= .5), "circle", "white", "black", 1.5);
      marks(fail, "x-thin", "black", "black", 3.5);
      marks(fail, "x-thin", "white", "white", 1.5);
    }
  }
  const half = gap ? .36 : .5;  // within the cell, so that no boundary looks like it
  const box = (w, row, dash) => [["black", 5], ["white", 2.5]].map(([color, width]) => ({
    type: "rect", x0: w - half, x1: w + half, y0: row - half, y1: row + half, line: {color, width, dash}}));
  const width = $("map").clientWidth, bare = {showgrid: false, zeroline: false, fixedrange: true};
  Plotly.react("map", traces, layout("σ<sub>w</sub>²", rowName(), {
    margin: {l: 45, r: 8, t: 40, b: 42},
    xaxis: {...ticks(sigma_w2, width / 42), range: [-.52, sigma_w2.length - .48], ...bare},
    yaxis: {...ticks(list, 12), range: [-.52, list.length - (byDepth() ? .38 : .48)], ...bare},
    shapes: [...(preview ? box(preview.w, preview.row, "dot") : []), ...box(state.w, state.row, "solid")],
  }), PLAIN);
  const infinite = z.flat().some(x => Math.abs(x) === Infinity);
  $("bar").textContent = `Colour: ${quantity.title}${infinite ? "; what is infinite has the colour of the end" : ""}`;
  const over = `σ_w² and ${rowName()}, σ_b² ${words(sigma_b2[state.b])}`;
  $("map").setAttribute("aria-label", `Map of ${quantity.title} over ${over}`);
}

function drawRoc() {
  const curve = (score, name, dash, color, width) => {
    const list = networks(score), good = list.filter(n => n[1]).length, bad = list.length - good;
    const levels = [...new Set(list.map(n => n[0]))].sort((a, b) => b - a);
    const x = [0], y = [0], customdata = [Infinity];
    let hits = 0, alarms = 0;
    for (const level of levels) {
      for (const [value, isGood] of list) if (value === level) isGood ? hits++ : alarms++;
      x.push(alarms / bad); y.push(hits / good); customdata.push(level);
    }
    return {type: "scatter", mode: "lines+markers", marker: {size: 3, color}, x, y, customdata, name,
      line: {dash, color, width}, hovertemplate:
        `${name}<br>from %{customdata:.7g} on: %{y:.3f} of the trainable, %{x:.3f} of the others<extra></extra>`};
  };
  const counts = confusion(state.score, state.threshold);
  const good = counts.hit + counts.missed, bad = counts.false + counts.rejected;
  const baseline = here.scores.findIndex(s => s.name === "negative_depth");
  const traces = good && bad ? [
    ...(baseline >= 0 ? [curve(baseline, "counting layers", "dash", ink("--second"), 1.5)] : []),
    curve(state.score, here.scores[state.score].title, "solid", ink("--first"), 2),
    {type: "scatter", mode: "markers", name: "threshold", hoverinfo: "skip",
      x: [counts.false / bad], y: [counts.hit / good],
      marker: {symbol: "diamond", size: 13, color: ink("--back"), line: {color: ink("--ink"), width: 2.5}}},
  ] : [];
  Plotly.react("roc", traces, layout("false positive rate", "true positive rate", {
    xaxis: {range: [-.03, 1.03], fixedrange: true}, yaxis: {range: [-.03, 1.05], fixedrange: true},
    annotations: traces.length ? [] : [{text: "all networks train, or none does", showarrow: false, x: .5, y: .5}],
  }), PLAIN);
}

function writePrediction() {
  const score = here.scores[state.score], list = candidates(state.score);
  const index = list.length ? nearest(list, state.threshold) : 0;
  Object.assign($("threshold"), {max: Math.max(list.length - 1, 0), value: index, disabled: !list.length});
  $("threshold").setAttribute("aria-valuetext", words(state.threshold));
  $("threshold-value").replaceChildren("trainable from ", number(state.threshold), " on");
  $("best").disabled = score.best === null;
  $("fixed").hidden = score.fixed === null;
  const n = confusion(state.score, state.threshold), good = n.hit + n.missed, bad = n.false + n.rejected;
  table("confusion", ["", "predicted to train", "predicted not to"], [
    {cells: ["train", String(n.hit), String(n.missed)]},
    {cells: ["do not", String(n.false), String(n.rejected)]},
    {cells: ["balanced accuracy", number(good && bad ? (n.hit / good + n.rejected / bad) / 2 : NaN, 4), ""]},
  ]);
  const baseline = here.scores.findIndex(s => s.name === "negative_depth");
  const shown = [...new Set([state.score, ...(baseline >= 0 ? [baseline] : [])])];
  table("auroc", ["", ...shown.map(k => k === baseline ? "−depth" : here.scores[k].title)],
    [["all networks", "auroc"], ["within depth", "auroc_within_depth"], ["above that of −depth", "auroc_gain"]].map(
      ([title, name]) => ({cells: [title, ...shown.map(score => element("span", interval(name, {score})))]})));
}

// --- the cell

function drawCurves(cell, depth) {
  const layers = here.axes.layer, fg = ink("--ink");
  const last = byDepth() ? here.axes.layers[depth] : layers[cell.layer];
  for (const [key, curve] of Object.entries(SHORT)) {
    const traces = [], sunk = [];
    here.methods.forEach((m, k) => {
      const style = m.network ? {color: ink(COLOURS[k % 4]), dash: DASHES[k % 4], width: 1.2}
        : {color: fg, dash: "dot", width: 3};
      const name = m.prefix + curve, {dims, shape} = here.arrays[name], replicas = shape[dims.indexOf("replica")];
      for (let replica = 0; replica < replicas; replica++) {
        const y = along(name, "layer", {...cell, replica});
        sunk.push(...y.flatMap((v, i) => v === -Infinity ? [[layers[i], style.color, m.title]] : []));
        traces.push({type: "scatter", mode: layers.length > 1 ? "lines" : "markers", name: m.title, line: style,
          x: layers, y: y.map(v => Number.isFinite(v) ? v : null), meta: {method: m.name, replica},
          hovertemplate: `layer %{x}: %{y:.7g}<extra>${m.title}${m.network ? `, replica ${replica}` : ""}</extra>`});
      }
    });
    const finite = traces.flatMap(t => t.y.filter(v => v !== null));
    if (sunk.length) {
      const least = Math.min(...finite, 0), bottom = least - .05 * (Math.max(...finite, 0) - least || 1);
      traces.push({type: "scatter", mode: "markers", name: "−∞", x: sunk.map(s => s[0]), y: sunk.map(() => bottom),
        marker: {symbol: "triangle-down", size: 6, color: sunk.map(s => s[1])}, text: sunk.map(s => s[2]),
        hovertemplate: "layer %{x}: −∞<extra>%{text}</extra>"});
    }
    Plotly.react(`curve-${key}`, traces, layout("layer", SYMBOL[key], {
      xaxis: {range: [layers[0] - .5, layers.at(-1) + .5], fixedrange: true}, yaxis: {fixedrange: true},
      shapes: [{type: "line", x0: last, x1: last, yref: "paper", y0: 0, y1: 1,
        line: {color: fg, width: 1, dash: "dash"}}],
      annotations: finite.length || sunk.length ? [] :
        [{text: MISSING, showarrow: false, xref: "paper", yref: "paper", x: .5, y: .5}],
    }), PLAIN);
    const there = m => words(mean(along(m.prefix + curve, "replica", {...cell, layer: last - 1})), 3);
    $(`curve-${key}`).setAttribute("aria-label", `${SYMBOL[key]} over layers; at layer ${last}: ` +
      here.methods.map(m => `${m.title} ${there(m)}`).join(", "));
  }
  $("curve-legend").replaceChildren(...here.methods.map((m, k) => legendLine(
    m.network ? `${m.title}, thin: a line per replica` : `${m.title}, infinite width, no network`,
    m.network ? COLOURS[k % 4] : "--ink", m.network ? DASHES[k % 4] : "dot", m.network ? 1.5 : 3)),
    legendLine(byDepth() ? "last hidden layer of this network" : "chosen layer", "--ink", "dash", 1));
}

function legendLine(text, colour, dash, width) {
  const pattern = {solid: "", dash: "6 3", dot: "2 3", dashdot: "6 3 2 3", longdash: "10 3"}[dash];
  const item = element("li", "");
  item.innerHTML = `<svg viewBox="0 0 24 12" aria-hidden="true"><path d="M0 6h24" fill="none" stroke="var(${colour})"
    stroke-width="${width}" stroke-dasharray="${pattern}"/></svg> `;
  item.append(text);
  return item;
}

function drawPictures(w) {
  const {sigma_w2, sigma_b2} = here.axes;
  const found = here.pictures.find(p => p[0] === sigma_w2[w] && p[1] === sigma_b2[state.b])?.[2];
  const of = here.pictures.filter(p => p[1] === sigma_b2[state.b]).map(p => words(p[0]));
  $("picture-note").textContent = found ?
    `Inputs and what the ${here.methods[0].title} makes of layer 1, 2, …; replica 0.` :
    of.length ? `Not kept here for this σ_w², only for ${of.join(", ")}.` : "Not kept for this experiment.";
  const cells = (list, make) => element("div", list.map(make), {class: "row"});
  const names = found ? ["input", ...found.layers.map(l => `layer ${l}`)] : [];
  $("pictures").replaceChildren(...(found ? [
    ...found.rows.map((row, k) => cells(row, (png, i) => png
      ? element("img", [], {src: `data:image/png;base64,${png}`, alt: `image ${k + 1}, ${names[i]}`})
      : element("span", "diverged"))),
    cells(names, name => element("span", name.replace("layer ", "")))] : []));
}

function drawHistories(cell) {
  const rates = here.axes.learning_rate, epochs = here.axes.epoch;
  const sources = along("truth_source", "replica", cell), trained = sources.includes(TRAINED);
  const said = rates.map((rate, learning_rate) => {
    const status = along("train_status", "replica", {...cell, learning_rate});
    const count = code => status.filter(s => s === code).length;
    return `learning rate ${words(rate)}: ${status.length - count(2)} of ${status.length} replicas tried` +
      (count(1) ? `, ${count(1)} diverged` : "");
  });
  $("training-note").textContent = trained ? `${here.truth}. ${said.join("; ")}.` :
    sources.includes(INFERRED) ? "Not trained: whether it trains is inferred from trainings of other depths." :
      `Trainings: ${MISSING}.`;
  $("histories").hidden = $("rate-legend").hidden = !trained;
  if (!trained) return;
  for (const name of ["accuracy", "loss"]) {
    const traces = rates.flatMap((rate, learning_rate) => Array.from({length: here.axes.replica}, (_, replica) => ({
      type: "scatter", mode: "lines+markers", x: epochs, meta: {rate, replica},
      y: along(name, "epoch", {...cell, learning_rate, replica}).map(v => Number.isFinite(v) ? v : null),
      line: {color: ink(COLOURS[learning_rate % 4]), dash: DASHES[learning_rate % 4], width: 1.2}, marker: {size: 3},
      hovertemplate: `epoch %{x}: %{y:.7g}<extra>learning rate ${words(rate)}, replica ${replica}</extra>`})));
    Plotly.react(`history-${name}`, traces, layout("epoch", name, {
      xaxis: {range: [0, epochs.at(-1) + 1], fixedrange: true},
      yaxis: {fixedrange: true, ...(name === "accuracy" ? {range: [0, 1.03]} : {rangemode: "tozero"})},
      shapes: name === "accuracy" ? [{type: "line", xref: "paper", x0: 0, x1: 1,
        y0: here.success_accuracy, y1: here.success_accuracy, line: {color: ink("--ink"), width: 1, dash: "dot"}}] : [],
    }), PLAIN);
    const best = along("reached_accuracy", "replica", cell).map(x => words(x, 3)).join(", ");
    const label = name === "accuracy" ? `accuracy over epochs; best: ${best}` : "loss over epochs";
    $(`history-${name}`).setAttribute("aria-label", label);
  }
  $("rate-legend").replaceChildren(...rates.map((rate, k) =>
    legendLine(`learning rate ${words(rate)}`, COLOURS[k % 4], DASHES[k % 4], 1.5)));
}

// How many replicas the chosen score predicts to train; null if it knows none.
function predictedReplicas(cell) {
  const scores = known(along("prediction_score", "replica", {...cell, score: state.score}));
  const told = scores.length && !Number.isNaN(state.threshold);
  return told ? [scores.filter(x => x >= state.threshold).length, scores.length] : null;
}

// The cell in a sentence, for the eye and for a screen reader.
function sentence(cell) {
  if (!byDepth()) {
    const measured = m => Object.entries(SHORT).map(([key, curve]) =>
      `${SYMBOL[key]} ${words(mean(along(m.prefix + curve, "replica", cell)), 4)}`).join(", ");
    return `${here.methods.map(m => `${m.title}: ${measured(m)}`).join("; ")}. No ground truth in this experiment.`;
  }
  const labels = along("trainable", "replica", cell).filter(x => x >= 0), found = predictedReplicas(cell);
  const inferred = along("truth_source", "replica", cell).filter(s => s === INFERRED).length;
  const good = labels.filter(x => x === 1).length, {title} = here.scores[state.score];
  const from = inferred ? `, ${inferred} inferred from other depths` : "";
  return [
    labels.length ? `${good} of ${labels.length} replicas train${from}.` : `Whether it trains: ${MISSING}.`,
    `Probability of training ${words(at("train_probability", cell), 3)}.`,
    found ? `Predicted to train by ${title}: ${found[0]} of ${found[1]}.` : `${title}: ${MISSING}.`,
  ].join(" ");
}

function writeNumbers(cell) {
  const replicas = Array.from({length: here.axes.replica}, (_, r) => r), per = (name, where) =>
    replicas.map(replica => number(at(name, {...cell, ...where, replica}))), lines = [];
  const blank = replicas.map(() => "");
  const add = (name, list, numbers, chosen) => lines.push({cells: [name, number(mean(list)), ...numbers], chosen});
  if (byDepth()) {
    const labels = along("trainable", "replica", cell), sources = along("truth_source", "replica", cell);
    lines.push({cells: ["trains", number(share(labels)), ...labels.map((x, r) =>
      (x < 0 ? MISSING : x ? "yes" : "no") + (sources[r] === INFERRED ? ", inferred" : ""))]});
    const probability = element("span", interval("train_probability", cell));
    lines.push({cells: ["probability of training, 95 %", probability, ...blank]});
    add("test accuracy reached", along("reached_accuracy", "replica", cell), per("reached_accuracy"));
    lines.push({cells: ["learning rate that succeeded", "", ...along("winning_rate", "replica", cell).map((x, r) =>
      sources[r] !== TRAINED ? MISSING : Number.isNaN(x) ? "none" : number(x))]});
    here.scores.forEach((s, score) => {
      const chosen = score === state.score;
      add(s.title, along("prediction_score", "replica", {...cell, score}), per("prediction_score", {score}), chosen);
      if (chosen) lines.push({cells: ["predicted, threshold of the other columns", "",
        ...along("predicted_trainable", "replica", {...cell, score}).map(x => x < 0 ? MISSING : x ? "train" : "not")]});
    });
  } else {
    for (const m of here.methods) for (const [key, curve] of Object.entries(SHORT)) {
      const list = along(m.prefix + curve, "replica", cell);
      lines.push({cells: [`${SYMBOL[key]}, ${m.title}`, number(mean(list)),
        ...replicas.map(r => r < list.length ? number(list[r]) : "")]});
    }
  }
  const xi = at("xi_c", cell);
  lines.push({cells: ["ξ_c, mean field, in layers", Number.isNaN(xi) ? "no theory" : number(xi), ...blank]});
  table("numbers", ["", "mean", ...replicas.map(r => `replica ${r}`)], lines);
}

function drawCell() {
  const {w, row} = preview ?? state, cell = place(w, row), {sigma_w2, sigma_b2} = here.axes;
  const columns = `σ_w² = ${words(sigma_w2[w])}, σ_b² = ${words(sigma_b2[state.b])}`;
  $("cell-heading").textContent = `${columns}, ${rowName()} ${rows()[row]}`;
  $("verdict").textContent = sentence(cell);
  drawCurves(cell, row);
  drawPictures(w);
  $("trainings").hidden = !byDepth();
  if (byDepth()) drawHistories(cell);
  writeNumbers(cell);
}

// --- the state

const nearest = (list, x) => list.reduce((best, v, i) => Math.abs(v - x) < Math.abs(list[best] - x) ? i : best, 0);

function enter(experiment) {
  state.experiment = experiment;
  here = data.experiments[experiment];
  const {sigma_w2, sigma_b2} = here.axes;
  state.b = 0;
  const edge = at("edge_of_chaos", {sigma_b2: 0});
  state.w = Number.isNaN(edge) ? Math.floor(sigma_w2.length / 2) : nearest(sigma_w2, edge);
  state.row = byDepth() ? Math.floor((rows().length - 1) / 2) : rows().length - 1;
  state.quantity = quantities()[0].id;
  state.score = 0;
  state.threshold = byDepth() ? here.scores[0].best ?? NaN : NaN;
}

function remember() {
  const {sigma_w2, sigma_b2} = here.axes;
  const said = new URLSearchParams({experiment: here.name, colour: state.quantity,
    sigma_b2: sigma_b2[state.b], sigma_w2: sigma_w2[state.w], [rowName()]: rows()[state.row]});
  if (byDepth()) {
    said.set("score", here.scores[state.score].name);
    if (!Number.isNaN(state.threshold)) said.set("threshold", state.threshold);
  }
  history.replaceState(null, "", `#${said}`);
}

// The state of an address; what it does not say, or says wrongly, is as at the beginning.
function recall() {
  const said = new URLSearchParams(location.hash.slice(1));
  const index = (list, text) => text ? list.findIndex(x => x === Number(text)) : -1;
  const first = data.experiments.findIndex(e => e.truth !== null);
  const named = data.experiments.findIndex(e => e.name === said.get("experiment"));
  enter(named >= 0 ? named : Math.max(first, 0));
  for (const [key, name] of [["b", "sigma_b2"], ["w", "sigma_w2"], ["row", rowName()]]) {
    const found = index(here.axes[name], said.get(name));
    if (found >= 0) state[key] = found;
  }
  if (quantities().some(q => q.id === said.get("colour"))) state.quantity = said.get("colour");
  const score = here.scores.findIndex(s => s.name === said.get("score"));
  if (score >= 0) Object.assign(state, {score, threshold: here.scores[score].best ?? NaN});
  const threshold = Number(said.get("threshold") || NaN);
  if (byDepth() && Number.isFinite(threshold)) state.threshold = threshold;
}

// --- drawing, at most once per frame

const wanted = new Set();
let waiting, writing;
const VIEWS = {map: drawMap, roc: drawRoc, prediction: writePrediction, cell: drawCell};

function show(...views) {
  views.forEach(v => wanted.add(v));
  document.body.setAttribute("aria-busy", "true");
  waiting ??= requestAnimationFrame(() => {
    waiting = undefined;
    const now = [...wanted].filter(v => byDepth() || !["roc", "prediction"].includes(v));
    wanted.clear();
    now.forEach(v => VIEWS[v]());
    rest();
  });
}

// Whether all that was chosen is drawn and in the address.
function rest() {
  document.body.setAttribute("aria-busy", String(waiting !== undefined || writing !== undefined));
}

// After a choice: also in the address, and told.
function settle(...views) {
  show(...views);
  clearTimeout(writing);
  writing = setTimeout(() => {
    writing = undefined;
    remember();
    rest();
    const {w, row} = state;
    $("live").textContent =
      `σ_w² ${words(here.axes.sigma_w2[w])}, ${rowName()} ${rows()[row]}: ${sentence(place(w, row))}`;
  }, 150);
}

function options(id, list, chosen) {
  $(id).replaceChildren(...list.map((text, i) => element("option", text, {value: i})));
  $(id).value = chosen;
}

function showAll() {
  const {sigma_w2, sigma_b2} = here.axes, all = quantities();
  const names = data.experiments.map(e => e.name + (e.truth === null ? ", no ground truth" : ""));
  options("experiment", names, state.experiment);
  options("quantity", all.map(q => q.title), all.findIndex(q => q.id === state.quantity));
  options("sigma_b2", sigma_b2.map(x => words(x)), state.b);
  options("sigma_w2", sigma_w2.map(x => words(x)), state.w);
  options("row", rows().map(String), state.row);
  options("score", here.scores.map(s => s.title), state.score);
  $("row-name").textContent = rowName();
  const elsewhere = here.truth_dataset === here.dataset ? "" : `; trained on ${here.truth_dataset}`;
  $("caption").textContent = here.title + (byDepth() ? `; ${here.truth}${elsewhere}.` :
    ". No ground truth in this experiment: what every layer keeps, and nothing to predict.");
  $("prediction").hidden = !byDepth();
  document.querySelectorAll(".of-truth").forEach(item => item.hidden = !byDepth());
  settle("map", "roc", "prediction", "cell");
}

function choose(w, row) {
  Object.assign(state, {w, row});
  $("sigma_w2").value = w;
  $("row").value = row;
  settle("map", "cell");
}

function setThreshold(threshold) {
  state.threshold = threshold;
  settle("map", "roc", "prediction", "cell");
}

function listen() {
  const on = (id, event, act) => $(id).addEventListener(event, act);
  const index = id => Number($(id).value);
  on("experiment", "change", () => { enter(index("experiment")); preview = undefined; showAll(); });
  on("quantity", "change", () => { state.quantity = quantities()[index("quantity")].id; settle("map"); });
  on("sigma_b2", "change", () => { state.b = index("sigma_b2"); settle("map", "cell"); });
  on("sigma_w2", "change", () => choose(index("sigma_w2"), state.row));
  on("row", "change", () => choose(state.w, index("row")));
  on("score", "change", () => { state.score = index("score"); setThreshold(here.scores[state.score].best ?? NaN); });
  on("threshold", "input", () => setThreshold(candidates(state.score)[index("threshold")]));
  on("best", "click", () => setThreshold(here.scores[state.score].best));
  on("fixed", "click", () => setThreshold(here.scores[state.score].fixed));
  on("map", "keydown", event => {
    const columns = here.axes.sigma_w2.length - 1, last = rows().length - 1, {w, row} = state;
    const go = {ArrowLeft: [w - 1, row], ArrowRight: [w + 1, row], ArrowUp: [w, row + 1], ArrowDown: [w, row - 1],
      Home: [0, row], End: [columns, row]}[event.key];
    if (!go || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    preview = undefined;
    choose(Math.min(Math.max(go[0], 0), columns), Math.min(Math.max(go[1], 0), last));
  });
  const cellOf = event => {
    const point = event.points.find(p => p.data.type === "heatmap");
    return point && {w: point.x, row: point.y};
  };
  $("map").on("plotly_click", event => {
    const cell = cellOf(event);
    preview = undefined;
    if (cell) choose(cell.w, cell.row);
  });
  $("map").on("plotly_hover", event => { preview = cellOf(event); show("map", "cell"); });
  $("map").on("plotly_unhover", () => { preview = undefined; show("map", "cell"); });
  $("roc").on("plotly_click", event => {
    const level = event.points[0].customdata, list = candidates(state.score);
    if (list.length && event.points[0].data.name === here.scores[state.score].title)
      setThreshold(list.findLast(x => x <= level) ?? list[0]);
  });
  window.addEventListener("hashchange", () => { recall(); showAll(); });
  window.addEventListener("resize", () => show("map"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => show("map", "roc", "cell"));
}

$("title").textContent = data.title;
$("about").textContent = "Which networks train, and what untrained ones tell of it. The address keeps what is shown.";
for (const id of ["map", "roc"]) Plotly.newPlot(id, [], layout("", ""), PLAIN);
recall();
listen();
showAll();
})();
