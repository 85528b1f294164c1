/* The page of a product: what sold in each period, the forecast with its band, and both as the slider would have it. */
(() => {
  "use strict";
  const D = window.Desk;
  const said = D.read("said");
  const given = D.read("drawing");
  if (!given.periods) return;
  const past = given.units.length, start = given.periods.slice(past);
  let chosen = null;

  const times = (values, factor) => values.map((value) => value * factor);
  const fan = (factor, line, band, dash, name) => [
    ...D.band(start, times(given.low, factor), times(given.high, factor), band),
    D.line(start, times(given.mean, factor), line, { line: { dash }, ...D.named(name) }),
  ];

  const draw = () => {
    const narrow = D.narrow(), days = given.periods.slice(0, past);
    const shown = narrow ? Math.max(0, past - 10) : 0;
    const full = D.colour("c-now"), clear = D.colour("surface");
    const factor = chosen && chosen.today.final[1] > 0 ? chosen.chosen.final[1] / chosen.today.final[1] : 1;
    const other = chosen && chosen.chosen !== chosen.today;
    const top = 1.12 * Math.max(1, ...given.units, ...given.high, ...(other ? times(given.high, factor) : []));
    const data = [{
      type: "bar", x: days.slice(shown), y: given.units.slice(shown), ...D.named(said.soldin),
      marker: { color: given.gone.slice(shown).map((gone) => (gone ? clear : full)), line: { color: full, width: 1.4 } },
    }];
    if (start.length && given.mean.length) data.push(...fan(1, "c-fc", "c-fc-band", "solid", said.asnow));
    if (other) data.push(...fan(factor, "c-if", "c-if-band", "7px,3px", said.whatif));
    const height = Math.max(0, ...given.high) * (other && factor > 1 ? factor : 1);
    D.draw("weeks", data, {
      height: narrow ? 260 : 320, margin: { l: 42, r: 12, t: 12, b: 34 }, bargap: 0.32,
      annotations: [
        D.note({ x: days[shown], y: given.units[shown], text: said.soldin, colour: "c-now", yshift: 13, xanchor: "left", xshift: -6 }),
        ...(given.mean.length ? [start[0]] : []).map((x) => D.note({ x, y: height, text: said.expected, colour: "c-fc", yshift: 12, xanchor: narrow ? "right" : "left" })),
      ],
      xaxis: { type: "date", nticks: narrow ? 4 : 8, showgrid: false, showline: true, ticks: "outside", ticklen: 4, hoverformat: "%x" },
      yaxis: { range: [0, top], nticks: 5 },
    });
  };
  document.addEventListener("desk:case", (event) => { chosen = event.detail; draw(); });
  D.keep(draw);
})();
