/* The prices an offer had, as steps. */
(() => {
  "use strict";
  const D = window.Desk;
  const { steps, currency } = D.read("drawing");
  const money = D.money(currency);
  const channels = [...new Set(steps.map((step) => step.channel))];

  D.keep(() => {
    const data = channels.map((channel) => {
      const own = steps.filter((step) => step.channel === channel);
      const x = own.flatMap((step) => [step.from, step.until]), y = own.flatMap((step) => [step.price, step.price]);
      const labels = y.map((price) => money.price(price));
      return D.line(x, y, "c-now", { text: labels, hovertemplate: "%{text}<extra></extra>", hoverinfo: "all", line: { width: 2.4 } });
    });
    const prices = steps.map((step) => step.price), low = Math.min(...prices), high = Math.max(...prices);
    const room = Math.max((high - low) * 0.25, high * 0.05);
    D.draw("steps-chart", data, {
      height: 220, margin: { l: 56, r: 12, t: 10, b: 42 },
      xaxis: { type: "date", nticks: D.narrow() ? 3 : 5, tickangle: 0, showgrid: false, showline: true, ticks: "outside", ticklen: 4 },
      yaxis: { range: [Math.max(0, low - room), high + room], nticks: 5, tickprefix: "", tickformat: ",.2f" },
    });
  });
})();
