// Draws the charts of a report with uPlot. The figures are in the page, as JSON.
(() => {
  "use strict";
  // A palette that people with colour blindness can tell apart, on white and on black.
  const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a6d00", "#7f7f7f"];
  const FONT = "12px system-ui, sans-serif";
  const DASHES = { solid: [], dashed: [8, 4], dotted: [2, 3] };
  const HEIGHT = 340;
  const BAR = 34;

  const theme = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const digits = (value) => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
  const scaled = (value, units) => {
    const [size, name] = units.find(([size]) => size <= value) ?? units[units.length - 1];
    return `${digits(value / size).replace(/\.0+$/, "")}${name}`;
  };
  const show = {
    nanoseconds: (value) => scaled(value, [[1e9, " s"], [1e6, " ms"], [1e3, " µs"], [1, " ns"]]),
    seconds: (value) => `${value} s`,
    rate: (value) => scaled(value, [[1e6, " M"], [1e3, " k"], [1, ""]]),
    percentile: (value) => `${+(100 - 100 / value).toPrecision(8)} %`,
  };
  const text = (unit, value) => (value == null ? "–" : value === 0 && unit !== "percentile" ? "0" : show[unit](value));

  // Of a logarithmic axis the powers of ten have labels; 2 and 5 too, where there are few of them.
  const labelled = (plot, splits) => {
    const all = splits.filter((value) => 0 < value);
    const decades = Math.log10(Math.max(...all) / Math.min(...all));
    const wanted = decades < 2.5 ? [1, 2, 5] : [1];
    const mantissa = (value) => Math.round(value / 10 ** Math.floor(Math.log10(value) + 1e-9));
    return splits.map((value) => (wanted.includes(mantissa(value)) ? value : null));
  };

  const axis = ({ title, logarithmic, unit }, more) => ({
    label: title,
    labelSize: title ? 24 : 0,
    stroke: theme("--soft"),
    grid: { stroke: theme("--line"), width: 1 },
    ticks: { stroke: theme("--line") },
    filter: logarithmic ? labelled : undefined,
    values: (plot, splits) => splits.map((value) => (value == null ? "" : text(unit, value))),
    ...more,
  });

  const scale = ({ logarithmic }) => ({ time: false, distr: logarithmic ? 3 : 1 });
  const faded = (colour, strength) =>
    colour + Math.round(255 * (0.35 + 0.65 * strength)).toString(16).padStart(2, "0");

  // Upright lines at places with a name.
  const marks = (places) => ({
    hooks: {
      draw: [(plot) => {
        const { ctx, bbox } = plot;
        ctx.save();
        ctx.strokeStyle = ctx.fillStyle = theme("--soft");
        ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
        ctx.setLineDash([4, 4]);
        places.forEach(([value, name], at) => {
          const x = Math.round(plot.valToPos(value, "x", true));
          ctx.beginPath();
          ctx.moveTo(x, bbox.top);
          ctx.lineTo(x, bbox.top + bbox.height);
          ctx.stroke();
          const isLeft = x < bbox.left + ctx.measureText(name).width + 12;
          ctx.textAlign = isLeft ? "left" : "right";
          ctx.fillText(name, isLeft ? x + 6 : x - 6, bbox.top + (at + 1) * 15 * devicePixelRatio);
        });
        ctx.restore();
      }],
    },
  });

  const lines = (chart, width) => {
    const tables = chart.series.map(({ points }) => [points.map(([x]) => x), points.map(([, y]) => y)]);
    const series = chart.series.map(({ name, colour, strength, dash, points }) => ({
      label: name,
      stroke: faded(COLOURS[colour % COLOURS.length], strength),
      width: 1.6,
      dash: DASHES[dash],
      spanGaps: true,
      points: { show: points.length < 20 },
      value: (plot, value) => text(chart.y.unit, value),
    }));
    return [{
      width,
      height: HEIGHT,
      padding: [10, 34, 0, 0],
      plugins: [marks(chart.marks)],
      scales: { x: scale(chart.x), y: scale(chart.y) },
      axes: [axis(chart.x, { space: 70 }), axis(chart.y, { size: 74 })],
      series: [{ label: chart.x.title, value: (plot, value) => text(chart.x.unit, value) }, ...series],
    }, uPlot.join(tables)];
  };

  // How long a text is beside an axis, and as much of it as fits: its beginning and its end tell
  // one bar from another.
  const pen = document.createElement("canvas").getContext("2d");
  const lengthOf = (text) => {
    pen.font = FONT;
    return pen.measureText(text).width;
  };
  const fitting = (text, room) => {
    for (let kept = text.length; kept > 8; kept -= 1) {
      const begin = Math.ceil(kept / 2);
      const shown = kept === text.length ? text : `${text.slice(0, begin)}…${text.slice(begin - kept)}`;
      if (lengthOf(shown) <= room) return shown;
    }
    return text.slice(0, 8);
  };

  // Bars lie; a part reaches from 0 to the sum of it and those before it, so the longest is drawn
  // first and the others over it.
  const bars = (chart, width) => {
    const places = chart.bars.map((_, at) => at);
    const sums = places.map(() => 0);
    const parts = chart.series.map(({ name, colour, points }) => {
      const own = places.map(() => 0);
      points.forEach(([bar, value]) => { own[bar] += value; });
      own.forEach((value, bar) => { sums[bar] += value; });
      return { name, own, ends: [...sums], colour: COLOURS[colour % COLOURS.length] };
    }).reverse();
    const series = parts.map(({ name, own, colour }) => ({
      label: name,
      fill: colour,
      stroke: colour,
      width: 0,
      paths: uPlot.paths.bars({ size: [0.6, 24] }),
      points: { show: false },
      value: (plot, value, at, place) => (place == null ? "–" : text(chart.y.unit, own[place])),
    }));
    const room = Math.min(width / 2, Math.max(...chart.bars.map(lengthOf)) + 24);
    const labels = chart.bars.map((bar) => fitting(bar, room - 24));
    const names = { side: 3, size: room, grid: { show: false }, splits: () => places };
    return [{
      width,
      height: BAR * (chart.bars.length + 3) + 30,
      scales: {
        x: { time: false, ori: 1, dir: -1, range: [-0.5, chart.bars.length - 0.5] },
        y: { ori: 0, dir: 1, range: (plot, least, most) => [0, most * 1.05] },
      },
      axes: [
        axis(chart.x, { ...names, values: (plot, splits) => splits.map((at) => labels[at]) }),
        axis(chart.y, { side: 2, space: 80 }),
      ],
      series: [{ label: "point", value: (plot, value) => (value == null ? "–" : chart.bars[value]) }, ...series],
    }, [places, ...parts.map(({ ends }) => ends)]];
  };

  const charts = JSON.parse(document.getElementById("charts").textContent);
  const figures = [...document.querySelectorAll("figure")];
  let shown = [];
  const drawAll = () => {
    shown.forEach((plot) => plot.destroy());
    shown = charts.map((chart, at) => {
      const width = Math.max(280, figures[at].clientWidth);
      const [options, data] = (chart.kind === "bars" ? bars : lines)(chart, width);
      const plot = new uPlot(options, data, figures[at]);
      plot.root.setAttribute("role", "img");
      plot.root.setAttribute("aria-label", chart.title);
      return plot;
    });
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  addEventListener("resize", drawAll);
  drawAll();
})();
