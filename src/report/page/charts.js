/* global Chart, looks, window, document, getComputedStyle, matchMedia */
"use strict";

/**
 * Draws the charts of the page from its data block. Every fill is a pattern as well as a colour, and colours come from
 * the style sheet (through the legend's swatches), so dark mode and the system's high-contrast palette reach them.
 */
(() => {
  const data = JSON.parse(document.getElementById("page-data").textContent).charts;
  const { SIZE, PATTERNS, LOOKS } = looks;

  /** The page's colours now. */
  function theme() {
    const style = getComputedStyle(document.body);
    const forced = matchMedia("(forced-colors: active)").matches;
    return {
      forced,
      ink: style.color,
      paper: style.backgroundColor,
      soft: getComputedStyle(document.querySelector("caption")).color,
      grid: forced ? style.color : style.getPropertyValue("--line"),
    };
  }

  function fill(colour, draw, colours) {
    const tile = document.createElement("canvas");
    tile.width = SIZE;
    tile.height = SIZE;
    const context = tile.getContext("2d");
    context.fillStyle = colours.forced && draw !== PATTERNS.attend ? colours.paper : colour;
    context.fillRect(0, 0, SIZE, SIZE);
    context.strokeStyle = context.fillStyle = colours.forced ? colours.ink : colours.paper;
    context.globalAlpha = colours.forced ? 1 : 0.7;
    context.lineWidth = 1;
    draw(context);
    return context.createPattern(tile, "repeat");
  }

  function stageColour(stage) {
    return getComputedStyle(document.querySelector(`.swatch[data-stage="${stage}"]`)).color;
  }

  function colourOf(name, colours) {
    if (colours.forced) return colours.ink;
    return getComputedStyle(document.body).getPropertyValue(LOOKS[name].swatch);
  }

  function paintSwatches(colours) {
    for (const swatch of document.querySelectorAll(".swatch")) {
      const context = swatch.getContext("2d");
      context.fillStyle = fill(getComputedStyle(swatch).color, PATTERNS[swatch.dataset.stage], colours);
      context.fillRect(0, 0, swatch.width, swatch.height);
      context.strokeStyle = colours.ink;
      context.strokeRect(0.5, 0.5, swatch.width - 1, swatch.height - 1);
    }
  }

  /** Range and floor of each bar, drawn over the stack. */
  function marks(chart, colours) {
    return {
      id: "marks",
      afterDatasetsDraw(drawn) {
        if (chart.stages.length === 0) return;
        const { ctx, scales } = drawn;
        const bars = drawn.getDatasetMeta(0).data;
        ctx.save();
        bars.forEach((bar, i) => {
          const half = Math.max(3, bar.width / 2 + 2);
          ctx.strokeStyle = colours.ink;
          ctx.lineWidth = 1;
          ctx.beginPath();
          ctx.moveTo(bar.x, scales.y.getPixelForValue(chart.min[i]));
          ctx.lineTo(bar.x, scales.y.getPixelForValue(chart.max[i]));
          ctx.stroke();
          const y = scales.y.getPixelForValue(chart.floor[i]);
          ctx.lineWidth = 5;
          ctx.strokeStyle = colours.paper;
          line(ctx, bar.x - half, bar.x + half, y);
          ctx.lineWidth = 2.5;
          ctx.strokeStyle = colours.ink;
          line(ctx, bar.x - half, bar.x + half, y);
        });
        ctx.restore();
      },
    };
  }

  function line(context, from, to, y) {
    context.beginPath();
    context.moveTo(from, y);
    context.lineTo(to, y);
    context.stroke();
  }

  /** Names at the ends of the lines; lines that end at the same place share a label. */
  function endLabels(chart, colours) {
    return {
      id: "endLabels",
      afterDatasetsDraw(drawn) {
        const ends = new Map();
        chart.series.forEach((series, i) => {
          const point = drawn.getDatasetMeta(i).data.at(-1);
          if (point) ends.set(point.y, [...(ends.get(point.y) ?? []), series.name]);
        });
        const context = drawn.ctx;
        context.save();
        context.fillStyle = colours.ink;
        context.font = "12px system-ui, sans-serif";
        context.textBaseline = "bottom";
        context.textAlign = "right";
        let above = Infinity;
        for (const [y, names] of [...ends].sort((a, b) => b[0] - a[0])) {
          above = Math.min(y - 8, above - 15);
          context.fillText(names.join(" = "), drawn.chartArea.right - 4, above);
        }
        context.restore();
      },
    };
  }

  function scales(colours, axis, top) {
    const ticks = { color: colours.soft };
    const title = (text) => ({ display: true, text, color: colours.soft });
    return {
      x: {
        stacked: top !== undefined,
        ticks: { ...ticks, maxRotation: 0, autoSkipPadding: 3, font: { size: 11 } },
        grid: { display: false },
        title: title("layer (F = full)"),
      },
      y: {
        stacked: top !== undefined,
        beginAtZero: true,
        ticks,
        grid: { color: colours.grid, lineWidth: 0.5 },
        title: title(axis),
        ...(top === undefined ? {} : { suggestedMax: top }),
      },
    };
  }

  function options(colours, axis, top, title, texts, legend) {
    return {
      animation: false,
      maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      scales: scales(colours, axis, top),
      plugins: {
        legend: { display: legend, labels: { color: colours.ink, boxWidth: 18, boxHeight: 18, pointStyleWidth: 40 } },
        tooltip: {
          displayColors: false,
          backgroundColor: colours.paper,
          titleColor: colours.ink,
          bodyColor: colours.ink,
          borderColor: colours.ink,
          borderWidth: 1,
          callbacks: {
            title: ([item]) => title(item.dataIndex),
            label: (item) => (item.datasetIndex === 0 ? texts[item.dataIndex] : undefined),
          },
          filter: (item) => item.datasetIndex === 0,
        },
      },
    };
  }

  function latencyChart(chart, colours) {
    return {
      type: "bar",
      data: {
        labels: data.layers,
        datasets: chart.stages.map(({ stage, name, ms }) => ({
          label: name,
          data: ms,
          backgroundColor: fill(stageColour(stage), PATTERNS[stage], colours),
          borderColor: colours.forced ? colours.ink : colours.paper,
          borderWidth: colours.forced ? 1 : 0.5,
          categoryPercentage: 0.85,
          barPercentage: 1,
        })),
      },
      options: options(colours, "ms", chart.top, (i) => chart.titles[i], chart.texts, false),
      plugins: [marks(chart, colours)],
    };
  }

  function memoryChart(chart, colours) {
    const bar = chart.form === "bar";
    return {
      type: chart.form,
      data: {
        labels: data.layers,
        datasets: chart.series.map(({ variant, name, values }) => {
          const colour = colourOf(variant, colours);
          const look = LOOKS[variant];
          return {
            label: name,
            data: values,
            backgroundColor: bar ? fill(colour, look.pattern, colours) : colour,
            borderColor: bar ? (colours.forced ? colours.ink : colours.paper) : colour,
            borderWidth: bar ? 0.5 : 2,
            borderDash: look.dash,
            pointStyle: look.point,
            pointRadius: 4,
          };
        }),
      },
      options: options(colours, chart.axis, undefined, (i) => `Layer ${data.layers[i]}`, chart.texts, bar),
      plugins: bar ? [] : [endLabels(chart, colours)],
    };
  }

  function lineSet(of, name, points, colours) {
    const colour = colourOf(of, colours);
    const { dash, point } = LOOKS[of];
    return {
      label: name,
      data: points,
      backgroundColor: colour,
      borderColor: colour,
      borderWidth: 2,
      borderDash: dash,
      clip: false,
      pointStyle: point,
      pointRadius: 4,
    };
  }

  /** Both axes logarithmic: doubling the context is the same step everywhere. */
  function curveChart(chart, colours) {
    const {
      plugins,
      scales: linear,
      ...rest
    } = options(colours, chart.axis, undefined, (i) => chart.titles[i], chart.texts, false);
    const tick = (value) => value.toLocaleString("en-US");
    const x = {
      ...linear.x,
      type: "logarithmic",
      min: chart.tokens[0],
      max: chart.tokens.at(-1),
      title: { ...linear.x.title, text: "tokens in context" },
      afterBuildTicks: (axis) => {
        axis.ticks = chart.tokens.map((value) => ({ value }));
      },
      ticks: { ...linear.x.ticks, callback: tick },
    };
    const y = { ...linear.y, type: "logarithmic", beginAtZero: false, ticks: { ...linear.y.ticks, callback: tick } };
    return {
      type: "line",
      data: {
        datasets: chart.series.map(({ variant, name, values }) => {
          const points = values.map((value, i) => ({ x: chart.tokens[i], y: value }));
          return lineSet(variant, name, points, colours);
        }),
      },
      // Room for the marks at the edges and for the name above the highest line.
      options: { ...rest, plugins, scales: { x, y }, layout: { padding: { top: 18, right: 8 } } },
      plugins: [endLabels(chart, colours)],
    };
  }

  /** Shares of attention against the distance from the oracle; charts side by side share the scale from 0 to 100 %. */
  function coverageChart(chart, colours) {
    const { scales: plain, ...rest } = options(colours, "", undefined, (i) => chart.titles[i], chart.texts, true);
    const x = { ...plain.x, offset: true, title: { ...plain.x.title, text: "layers from the oracle" } };
    const ticks = { ...plain.y.ticks, stepSize: 0.25, callback: (value) => `${Math.round(value * 100)} %` };
    const y = { ...plain.y, min: 0, max: 1, ticks, title: { display: false } };
    const { labels } = rest.plugins.legend;
    rest.plugins.legend.labels = { ...labels, usePointStyle: true, boxHeight: 8, pointStyleWidth: 12 };
    return {
      type: "line",
      data: {
        labels: chart.distances,
        datasets: chart.series.map(({ choice, name, values }) => lineSet(choice, name, values, colours)),
      },
      options: { ...rest, scales: { x, y } },
      plugins: [ranges(chart, colours)],
    };
  }

  /** The range over layers of the inherited share. */
  function ranges({ range, series }, colours) {
    return {
      id: "ranges",
      beforeDatasetsDraw(drawn) {
        const at = series.findIndex(({ choice }) => choice === "inherited");
        if (!range) return;
        const { ctx, scales } = drawn;
        ctx.save();
        ctx.strokeStyle = colourOf("inherited", colours);
        ctx.lineWidth = 1.5;
        drawn.getDatasetMeta(at).data.forEach(({ x }, i) => {
          ctx.beginPath();
          ctx.moveTo(x, scales.y.getPixelForValue(range.min[i]));
          ctx.lineTo(x, scales.y.getPixelForValue(range.max[i]));
          ctx.stroke();
        });
        ctx.restore();
      },
    };
  }

  /** Left and right walk the layers, Escape leaves; what is shown is also said. */
  function keyboard(canvas, titleOf, texts) {
    let at = -1;
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, Escape: 0 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      at = step === 0 ? -1 : Math.min(texts.length - 1, Math.max(0, at + step));
      show(canvas, at);
      canvas.setAttribute("aria-label", at < 0 ? canvas.dataset.label : [titleOf(at), ...texts[at]].join(", "));
    });
    canvas.addEventListener("blur", () => {
      at = -1;
      show(canvas, at);
    });
  }

  function show(canvas, layer) {
    const chart = Chart.getChart(canvas);
    const active = layer < 0 ? [] : chart.data.datasets.map((_, datasetIndex) => ({ datasetIndex, index: layer }));
    const bar = layer < 0 ? undefined : chart.getDatasetMeta(0).data[layer];
    chart.setActiveElements(active);
    chart.tooltip.setActiveElements(active, { x: bar?.x ?? 0, y: bar?.y ?? 0 });
    chart.update();
  }

  function drawAll() {
    const colours = theme();
    paintSwatches(colours);
    const draw = (chart, config) => {
      Chart.getChart(chart.id)?.destroy();
      new Chart(document.getElementById(chart.id), config);
    };
    for (const chart of data.latency) draw(chart, latencyChart(chart, colours));
    for (const chart of data.memory) draw(chart, memoryChart(chart, colours));
    for (const chart of data.curves) draw(chart, curveChart(chart, colours));
    for (const chart of data.coverage) draw(chart, coverageChart(chart, colours));
  }

  for (const chart of [...data.latency, ...data.memory, ...data.curves, ...data.coverage]) {
    const canvas = document.getElementById(chart.id);
    canvas.dataset.label = `${chart.label}; the table below holds its figures`;
    canvas.setAttribute("aria-label", canvas.dataset.label);
    keyboard(canvas, (i) => chart.titles?.[i] ?? `Layer ${i}`, chart.texts);
  }
  drawAll();
  for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
    matchMedia(query).addEventListener("change", drawAll);
  }
  window.addEventListener("beforeprint", drawAll);
})();
