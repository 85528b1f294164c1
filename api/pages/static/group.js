/* Demand against price of one group: the curve with its band, and the sales it was learned from. */
(() => {
  "use strict";
  const D = window.Desk;
  const given = D.read("drawing"), said = D.read("said");
  if (!given) return;
  const [first, last] = [given.x[0], given.x[given.x.length - 1]];
  const width = last - first;
  const [from, to] = given.one ? given.tried.map((x, i) => x + (i - 0.5) * 0.012 * width) : given.tried;
  const inside = given.x.map((x) => x >= from && x <= to);

  const curve = () => {
    if (!given.mean.length) return [];
    const made = [
      ...(given.low.length ? D.band(given.x, given.low, given.high, "c-fc-band") : []),
      D.line(given.x, given.mean, "c-fc", { line: { width: 1.8, dash: "5px,4px" }, ...D.named(said.expected) }),
    ];
    if (given.sure) made.push(D.line(given.x.filter((_, i) => inside[i]), given.mean.filter((_, i) => inside[i]), "c-fc", { line: { width: 3 } }));
    return made;
  };
  const dots = () => {
    const most = Math.max(1, ...given.dots.map((dot) => dot[3]));
    const ink = D.colour("c-now");
    return {
      x: given.dots.map((dot) => dot[0]), y: given.dots.map((dot) => dot[1]), mode: "markers", ...D.named(said.sold),
      marker: { size: given.dots.map((dot) => 5 + 4 * Math.sqrt(dot[3] / most)), color: ink },
      ...(given.bars ? { error_y: { type: "data", array: given.dots.map((dot) => dot[2]), color: D.colour("line-2"), thickness: 1.2, width: 0 } } : {}),
    };
  };
  const rule = ([x], dash) => ({
    type: "line", x0: x, x1: x, y0: 0, y1: 1, yref: "paper", layer: "below", line: { color: D.colour("ink-3"), width: 1, dash },
  });

  D.keep(() => {
    const narrow = D.narrow();
    const above = given.high.length ? Math.min(given.high[given.high.length - 4], 0.9 * given.top) : 0;
    const beyond = Math.max(from - first, 0);
    D.draw("curve", [...curve(), dots()], {
      height: narrow ? 290 : 360, margin: { l: 38, r: 12, t: 24, b: 42 }, hovermode: "closest",
      xaxis: {
        range: [first, last], nticks: narrow ? 5 : 9, tickprefix: given.before, ticksuffix: given.after, showgrid: false,
        showline: true, ticks: "outside", ticklen: 4, title: { text: given.after.includes("%") ? said.change : said.price, standoff: 6 },
      },
      yaxis: { range: [0, given.top], nticks: 5 },
      shapes: [
        { type: "rect", x0: from, x1: to, y0: 0, y1: 1, yref: "paper", fillcolor: D.colour("sunk"), line: { width: 0 }, layer: "below" },
        ...given.marks.map((mark) => rule(mark, "2px,3px")),
      ],
      annotations: [
        D.note({ x: (from + to) / 2, y: 1, yref: "paper", yshift: 11, text: given.one ? said.one : said.tried, colour: "ink-3", xanchor: "center" }),
        ...given.marks.map(([x, text]) => D.note({ x, y: 0, yref: "paper", yshift: 11, xshift: 4, text, colour: "ink-2" })),
        ...(given.low.length ? [D.note({ x: last, y: above, xanchor: "right", yshift: 12, text: said.band, colour: "c-fc" })] : []),
        ...(given.mean.length && beyond > 0.12 * width ? [D.note({ x: first, y: 0, yref: "paper", yshift: 11, xshift: 6, text: said.guess, colour: "c-fc" })] : []),
      ],
    });
  });
})();
