// Draws the timeline: lanes of what happened, and under them one panel a measure, on one time axis with one cursor.
(function () {
  "use strict";
  const data = JSON.parse(document.getElementById("chart-data").textContent);
  const GUTTER = 68, RIGHT = 22, ROW = 20, LANE_GAP = 7, HEIGHT = 150, X_AXIS = 26;
  const DASHES = { intended: [4, 3], p99: [6, 3], max: [1, 3], bound: [4, 3], 1: [7, 3], 2: [2, 3], 3: [9, 3, 2, 3], 4: [5, 2], 5: [1, 2], 6: [12, 3], 7: [3, 6] };
  const COLOURS = { intended: "grey", confirmed: "c0", failed: "red", unknown: "amber", skipped: "violet", p50: "c0", p99: "c1", max: "grey", bound: "amber" };
  const SHAPES = {
    killed: "M1 1l8 8M9 1l-8 8", died: "M1 1l8 8M9 1l-8 8", stopped: "M1 1h8v8h-8z", act: "M5 0l5 9h-10z", purge: "M0 5h10", delete: "M1 1l8 8M9 1l-8 8", started: "M2 0l8 5-8 5z", decision: "M5 0l5 5-5 5-5-5z",
  };
  const TROUBLE = ["failed", "unknown", "skipped"];
  // An x without a value at both ends makes every panel span the whole drill.
  const xs = [0, ...data.x, data.end];
  const plots = [];
  const output = document.getElementById("cursor-time");
  const pen = document.createElement("canvas").getContext("2d");

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const colourOf = (style) => COLOURS[style] || "c" + style.replace("u", "");
  const dashOf = (style) => DASHES[style] || (/^u\d/.test(style) ? [1.5, 3] : undefined);
  const plain = (value) => value.toLocaleString("en", { maximumFractionDigits: value < 100 ? 1 : 0 });
  const duration = (ms) => (ms < 1000 ? plain(ms) + " ms" : (ms / 1000).toLocaleString("en", { maximumFractionDigits: 2 }) + " s");
  function clock(seconds, digits) {
    if (data.end < 120) return seconds.toFixed(digits) + " s";
    const whole = Math.floor(seconds / 60);
    const rest = (seconds - whole * 60).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
    return whole < 60 ? whole + ":" + rest : Math.floor(whole / 60) + ":" + String(whole % 60).padStart(2, "0") + ":" + rest;
  }
  function element(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }
  function drawing(box, path, stroke, dash) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", box);
    svg.setAttribute("aria-hidden", "true");
    const line = svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "path"));
    line.setAttribute("d", path);
    if (stroke) {
      line.setAttribute("stroke", "var(--" + stroke + ")");
      line.setAttribute("stroke-width", "2");
      line.setAttribute("fill", "none");
      if (dash) line.setAttribute("stroke-dasharray", dash.join(" "));
    }
    return svg;
  }

  // Behind the curves: where a fault held, and when the rollback was decided.
  function background(u) {
    const { left, top, width, height } = u.bbox, ctx = u.ctx;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    ctx.fillStyle = colour("band");
    for (const lane of data.lanes.filter((lane) => lane.name === "faults"))
      for (const span of lane.spans) {
        const from = u.valToPos(span.took_effect === null ? span.begin : span.took_effect, "x", true);
        ctx.fillRect(from, top, Math.max(u.valToPos(span.end, "x", true) - from, 1), height);
      }
    if (data.decision !== null) {
      const x = Math.round(u.valToPos(data.decision, "x", true));
      ctx.strokeStyle = colour("soft");
      ctx.lineWidth = devicePixelRatio;
      ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(x, top);
      ctx.lineTo(x, top + height);
      ctx.stroke();
    }
    ctx.restore();
  }
  // Ticks on the ground, at least some pixels high: one failed task among thousands is seen.
  function trouble(u) {
    const { left, top, width, height } = u.bbox, ctx = u.ctx, least = 5 * devicePixelRatio, ground = top + height;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    u.series.forEach((series, number) => {
      if (!TROUBLE.includes(series.label) || !series.show) return;
      const wide = Math.max((u.valToPos(xs[2], "x", true) - u.valToPos(xs[1], "x", true)) / 4, 1.5 * devicePixelRatio);
      const shift = (TROUBLE.indexOf(series.label) - 1.5) * wide;
      ctx.fillStyle = colour(COLOURS[series.label]);
      u.data[number].forEach((value, at) => {
        if (!value) return;
        const high = Math.max(ground - u.valToPos(value, "y", true), least);
        ctx.fillRect(u.valToPos(xs[at], "x", true) + shift, ground - high, wide, high);
      });
    });
    ctx.restore();
  }
  // A value between two gaps makes no line: it is a point.
  function alone(u, series) {
    const values = u.data[series], gap = (value) => value === null || value === undefined;
    return TROUBLE.includes(u.series[series].label) ? [] : [...values.keys()].filter((at) => !gap(values[at]) && gap(values[at - 1]) && gap(values[at + 1]));
  }
  const font = () => "12px " + getComputedStyle(document.body).fontFamily;
  const ink = () => colour("soft");
  const grid = { stroke: () => colour("grid"), width: 1 };
  const ticks = { show: false };

  function common(plot, height, labelled) {
    return {
      width: plot.clientWidth, height, legend: { show: false }, padding: [8, RIGHT, 0, 0],
      cursor: { sync: { key: "drill" }, y: false, drag: { x: true, y: false }, points: { size: 6 } },
      scales: { x: { time: false } },
      axes: [{
        size: labelled ? X_AXIS : 4, stroke: ink, font: font(), grid, ticks, space: 70,
        values: (u, splits) => splits.map((value) => (labelled ? clock(value, splits.every(Number.isInteger) ? 0 : 1) : "")),
      }],
    };
  }

  function decades(u, axis, low, high) {
    const found = [];
    for (let power = Math.ceil(Math.log10(low) - 1e-9); 10 ** power <= high * 1.0001; power++) found.push(10 ** power);
    return found;
  }
  function panel(figure, spec, last) {
    const plot = figure.querySelector(".plot");
    const format = spec.logarithmic ? duration : plain;
    const options = common(plot, HEIGHT + (last ? X_AXIS - 4 : 0), last);
    options.scales.y = spec.logarithmic ? { distr: 3 } : { range: (u, low, high) => [Math.min(low, 0) * 1.08, high > 0 ? high * 1.08 : 1] };
    options.axes.push({ size: GUTTER, stroke: ink, font: font(), grid, ticks, space: 34, gap: 8, splits: spec.logarithmic ? decades : undefined,
      values: (u, splits) => splits.map((value) => (value === null ? "" : format(value))) });
    options.series = [{}, ...spec.curves.map((curve) => ({
      label: curve.label, scale: "y", stroke: () => colour(colourOf(curve.style)), width: curve.style === "intended" || curve.style === "max" ? 1.25 : 1.75,
      dash: dashOf(curve.style), points: { show: true, size: 4, width: 0, fill: () => colour(colourOf(curve.style)), filter: alone }, spanGaps: false,
      paths: TROUBLE.includes(curve.style) ? () => null : undefined,
      fill: curve.style === "confirmed" ? () => colour(colourOf(curve.style)) + "14" : undefined,
    }))];
    const legend = element("ul", "legend");
    const shown = spec.curves.map((curve, number) => {
      const button = element("button");
      button.type = "button";
      button.setAttribute("aria-pressed", "true");
      const value = element("span", "value");
      button.append(drawing("0 0 24 8", "M0 4h24", colourOf(curve.style), dashOf(curve.style)), element("span", "", curve.label), value);
      button.addEventListener("click", () => {
        const on = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", String(on));
        u.setSeries(number + 1, { show: on });
      });
      legend.appendChild(element("li")).appendChild(button);
      return value;
    });
    figure.querySelector("figcaption").appendChild(legend);
    const peaks = spec.curves.map((curve) => Math.max(0, ...curve.values.filter((value) => value !== null)));
    function read(at) {
      spec.curves.forEach((curve, number) => {
        const value = at === null ? peaks[number] : curve.values[at - 1];
        shown[number].textContent = (at === null ? "peak " : "") + (value === null || value === undefined ? "none" : format(value));
      });
    }
    options.hooks = {
      drawClear: [background], draw: [trouble],
      setCursor: [(self) => {
        const at = self.cursor.idx, inside = self.cursor.left >= 0 && at > 0 && at < xs.length - 1;
        read(inside ? at : null);
        output.textContent = inside ? "At " + clock(xs[at], 1) : "";
      }],
    };
    const u = new uPlot(options, [xs, ...spec.curves.map((curve) => [null, ...curve.values, null])], plot);
    read(null);
    figure.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!way || event.target !== figure) return;
      event.preventDefault();
      const from = u.cursor.left >= 0 && u.cursor.idx ? u.cursor.idx : way > 0 ? 0 : xs.length - 1;
      const to = Math.min(Math.max(from + way, 1), xs.length - 2);
      u.setCursor({ left: u.valToPos(xs[to], "x"), top: HEIGHT / 2 }, true, true);
    });
    figure.addEventListener("blur", () => u.setCursor({ left: -10, top: -10 }, true, true));
    return u;
  }

  // Each lane packs its spans into as many rows as their labels need at this width.
  function arrange(u) {
    const width = u.over.clientWidth;
    pen.font = font();
    let top = 4;
    const placed = [], names = [];
    for (const lane of data.lanes) {
      const rows = [], first = top;
      for (const span of [...lane.spans].sort((one, other) => one.begin - other.begin)) {
        const mark = span.kind in SHAPES;
        const from = Math.max(u.valToPos(span.begin, "x"), mark ? -20 : 0), to = Math.min(u.valToPos(span.end, "x"), width);
        if (to < 0 || from > width) continue;
        const text = pen.measureText(span.label).width + 2, bar = Math.max(to - from, 3);
        const within = !mark && text + 10 <= bar;
        const offset = mark ? 9 : bar + 5;
        const side = within ? "in" : from + offset + text <= width ? "after" : from - text - 9 >= 0 ? "before" : "over";
        const shift = { in: 5, after: offset, before: -text - 5, over: Math.max(width - text, 0) - from }[side];
        const left = Math.min(from + shift, from - (mark ? 6 : 0)), right = Math.max(from + shift + text, from + (mark ? 6 : bar));
        let row = rows.findIndex((end) => end + 8 <= left);
        if (row < 0) row = rows.push(-99) - 1;
        rows[row] = side === "in" ? right - 8 : right;
        placed.push({ span, mark, from, bar, side, shift, top: first + row * ROW, u });
      }
      names.push({ name: lane.name, top: first });
      top = first + Math.max(rows.length, 1) * ROW + LANE_GAP;
    }
    return { placed, names, height: top - LANE_GAP + 2 };
  }
  function lanes(figure) {
    const plot = figure.querySelector(".plot");
    const options = common(plot, 200, true);
    options.padding = [0, RIGHT, 0, 0];
    options.scales.y = { range: [0, 1] };
    options.series = [{}, { scale: "y", points: { show: false } }];
    options.axes.push({ size: GUTTER, scale: "y", stroke: ink, grid: { show: false }, ticks, values: () => [] });
    const layer = element("div"), gutter = element("div");
    gutter.setAttribute("aria-hidden", "true");
    function paint(u) {
      const { placed, names, height } = arrange(u);
      if (u.height !== height + X_AXIS) return void queueMicrotask(() => u.setSize({ width: u.width, height: height + X_AXIS }));
      layer.replaceChildren(...names.slice(1).map(({ top }) => {
        const line = element("div", "lane-line");
        line.style.top = top - LANE_GAP / 2 - 2 + "px";
        return line;
      }), ...placed.map(drawn));
      gutter.replaceChildren(...names.map(({ name, top }) => {
        const label = element("div", "lane-name", name);
        label.style.top = top + "px";
        return label;
      }));
    }
    options.hooks = { drawClear: [background], draw: [paint], ready: [(u) => { u.over.appendChild(layer); plot.appendChild(gutter); }] };
    return new uPlot(options, [xs, xs.map(() => null)], plot);
  }
  function drawn({ span, mark, from, bar, side, shift, top, u }) {
    const made = element("div", "span " + span.kind + (mark ? " mark" : ""));
    made.title = span.hint;
    made.style.left = from + "px";
    made.style.top = top + "px";
    if (mark) made.appendChild(drawing("0 0 10 10", SHAPES[span.kind]));
    else made.style.width = bar + "px";
    if (span.kind === "fault") {
      const until = span.took_effect === null ? span.end : span.took_effect, waiting = made.appendChild(element("u"));
      waiting.style.width = Math.max(0, Math.min(u.valToPos(until, "x") - from, bar)) + "px";
    }
    made.appendChild(element("b", side, span.label)).style.left = shift + "px";
    return made;
  }

  function resize(width) {
    for (const { u, plot } of plots) u.setSize({ width: width || plot.clientWidth, height: u.height });
  }
  function redraw() {
    for (const { u } of plots) u.redraw(false, true);
  }
  try {
    for (const figure of document.querySelectorAll("[data-lanes]")) plots.push({ u: lanes(figure), plot: figure.querySelector(".plot") });
    const figures = [...document.querySelectorAll("[data-panel]")];
    figures.forEach((figure, number) => {
      plots.push({ u: panel(figure, data.panels[figure.dataset.panel], number === figures.length - 1), plot: figure.querySelector(".plot") });
    });
  } catch (error) {
    document.getElementById("chart-failed").hidden = false;
    throw error;
  }
  let width = document.documentElement.clientWidth;
  new ResizeObserver(() => {
    if (document.documentElement.clientWidth === width) return;
    width = document.documentElement.clientWidth;
    resize();
  }).observe(document.documentElement);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  addEventListener("beforeprint", () => {
    document.documentElement.classList.add("printing");
    resize(680);
    redraw();
  });
  addEventListener("afterprint", () => {
    document.documentElement.classList.remove("printing");
    resize();
    redraw();
  });
})();
