// Charts of uPlot in place of the drawings of the server, which stay where there is no script.
(() => {
  "use strict";
  const shown = new Map();
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const numbers = (text) => (text ? text.split(" ").map(Number) : []);

  // The upright lines at changes of split.
  const splits = (times) => ({
    hooks: {
      draw: [(plot) => {
        const { ctx, bbox } = plot;
        ctx.save();
        ctx.strokeStyle = colour("--soft");
        ctx.setLineDash([4, 4]);
        for (const time of times) {
          const x = Math.round(plot.valToPos(time, "x", true));
          if (x < bbox.left || bbox.left + bbox.width < x) continue;
          ctx.beginPath();
          ctx.moveTo(x, bbox.top);
          ctx.lineTo(x, bbox.top + bbox.height);
          ctx.stroke();
        }
        ctx.restore();
      }],
    },
  });

  // Times as everywhere on the page: ISO 8601, UTC; the date where a day begins.
  const iso = (seconds) => new Date(seconds * 1000).toISOString();
  const labels = (plot, times, axis, space, step) => times.map((time) => {
    const isDay = time % 86400 === 0;
    if (isDay) return iso(time).slice(0, 10);
    return iso(time).slice(11, step < 1 ? 23 : step < 60 ? 19 : 16);
  });

  // As wide as the longest figure beside the axis, in the font that uPlot draws it with.
  const wide = (plot, values) => {
    if (!values) return 64;
    const { ctx } = plot;
    ctx.save();
    ctx.font = plot.axes[1].font[0];
    const longest = Math.max(...values.map((value) => ctx.measureText(value).width));
    ctx.restore();
    return Math.max(64, Math.ceil(longest / devicePixelRatio) + 20);
  };

  const size = (figure) => ({ width: Math.max(200, figure.clientWidth), height: 180 });

  const options = (figure, times) => {
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") } };
    return {
      ...size(figure),
      plugins: [splits(times)],
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
      cursor: { drag: { x: true, y: false } },
      // What is zero all the time lies at the foot of a small scale.
      scales: { y: { range: (plot, min, max) => (min === max && max === 0 ? [0, 1] : uPlot.rangeNum(min, max, 0.1, true)) } },
      axes: [{ ...axis, space: 90, values: labels }, { ...axis, size: wide }],
      series: [
        { label: "UTC", value: (plot, time) => (time == null ? "--" : iso(time).slice(0, 19).replace("T", " ")) },
        { label: figure.dataset.chart, stroke: colour("--link"), width: 1.5, points: { show: false } },
      ],
    };
  };

  const draw = (figure) => {
    const name = figure.dataset.chart;
    const data = [numbers(figure.dataset.times), numbers(figure.dataset.values)];
    const before = shown.get(name);
    // Where somebody has zoomed in, the part that they see stays.
    const whole = before && before.data[0];
    const { min, max } = before ? before.scales.x : {};
    const zoomed = before && (min > whole[0] || max < whole[whole.length - 1]);
    before?.destroy();
    const plot = new uPlot(options(figure, numbers(figure.dataset.splits)), data, figure);
    plot.root.setAttribute("role", "img");
    plot.root.setAttribute("aria-label", `${name} over time`);
    if (zoomed) plot.setScale("x", { min, max });
    figure.classList.add("drawn");
    shown.set(name, plot);
  };

  const drawAll = () => document.querySelectorAll("figure[data-chart]").forEach(draw);
  // The server's page has drawings alone: whenever it comes, they are replaced again.
  document.addEventListener("htmx:afterSwap", drawAll);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  addEventListener("resize", () => {
    for (const plot of shown.values()) plot.setSize(size(plot.root.parentElement));
  });
  drawAll();
})();
