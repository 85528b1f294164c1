/* One look for every Plotly figure: no legend, no toolbar, few lines, direct labels; colours and language of the page. */
(() => {
  "use strict";
  /* As it loads, Plotly adds a style element for maps, which are not drawn here and the page's policy forbids. */
  const createElement = document.createElement;
  document.createElement = (name, options) => createElement.call(document, name === "style" ? "meta" : name, options);

  const root = document.documentElement;
  const Desk = (window.Desk = {});
  const locale = root.lang;
  const number = (options) => new Intl.NumberFormat(locale, options);
  const minus = (text) => text.replace("-", "\u2212\u2060");
  const writer = (options) => { const form = number(options); return (value) => minus(form.format(value || 0)); };
  const signed = (write) => (value) => (value > 0 ? "+\u2060" : "") + write(value);

  Desk.read = (id) => JSON.parse(document.getElementById(id).textContent);
  Desk.narrow = () => innerWidth < 720;
  Desk.units = writer({ maximumFractionDigits: 0 });
  Desk.percent = writer({ style: "percent", maximumFractionDigits: 0 });
  Desk.change = signed(Desk.percent);
  Desk.money = (currency) => {
    const whole = writer({ style: "currency", currency, maximumFractionDigits: 0 });
    return { whole, price: writer({ style: "currency", currency }), difference: signed((value) => whole(Math.round(value))) };
  };
  /* "%(name)s" in a text of the page's language */
  Desk.fill = (text, values) => text.replace(/%\((\w+)\)s/g, (_, name) => values[name]).replace(/%%/g, "%");

  const probe = document.createElement("i");
  probe.hidden = true;
  document.body.append(probe);
  /* What a token is in this theme; the probe resolves light-dark(). */
  Desk.colour = (token) => {
    probe.className = `probe-${token}`;
    probe.style.setProperty("color", `var(--${token})`);
    return getComputedStyle(probe).color;
  };

  Desk.layout = (given) => {
    const colour = Desk.colour;
    const axis = {
      gridcolor: colour("c-grid"), zeroline: false, linecolor: colour("line-2"), tickcolor: colour("line-2"),
      fixedrange: true, automargin: false, tickfont: { size: 12, color: colour("ink-3") },
    };
    const title = { font: { size: 12, color: colour("ink-3") } };
    const decimal = number({}).formatToParts(1.5).find((part) => part.type === "decimal").value;
    const family = getComputedStyle(root).getPropertyValue("--font");
    const made = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, dragmode: false,
      hovermode: "x unified", separators: decimal === "," ? ",." : ".,",
      font: { family, size: 12, color: colour("ink-2") },
      hoverlabel: { bgcolor: colour("surface"), bordercolor: colour("line-2"), font: { family, size: 12, color: colour("ink") } },
      ...given,
    };
    for (const name of ["xaxis", "yaxis"]) made[name] = { ...axis, ...made[name], title: { ...title, ...made[name]?.title } };
    return made;
  };
  Desk.note = (given) => ({
    showarrow: false, xanchor: "left", yanchor: "middle", ...given,
    font: { size: 12, weight: 600, color: Desk.colour(given.colour) },
  });
  Desk.line = (x, y, colour, more) => ({
    x, y, mode: "lines", hoverinfo: "skip", ...more, line: { color: Desk.colour(colour), width: 2.2, ...more?.line },
  });
  Desk.band = (x, low, high, colour) => [
    { x, y: high, mode: "lines", line: { width: 0 }, hoverinfo: "skip" },
    { x, y: low, mode: "lines", line: { width: 0 }, hoverinfo: "skip", fill: "tonexty", fillcolor: Desk.colour(colour) },
  ];
  Desk.named = (name) => ({ name, hovertemplate: "%{y:,.0f}", hoverinfo: "all" });
  /* Names of months and days, and their order, as the page's language has them. */
  const register = () => {
    const names = (count, pick, options) => Array.from({ length: count }, (_, k) =>
      new Intl.DateTimeFormat(locale, { timeZone: "UTC", ...options }).format(Date.UTC(2023, ...pick(k))));
    const months = (month) => names(12, (k) => [k, 15], { month });
    const days = (weekday) => names(7, (k) => [0, 1 + k], { weekday });
    const dot = root.lang.startsWith("de") ? "." : "";
    Plotly.register({
      moduleType: "locale", name: "desk", dictionary: {},
      format: {
        months: months("long"), shortMonths: months("short"), days: days("long"), shortDays: days("short"),
        year: "%Y", month: "%b %Y", dayMonth: `%-d${dot} %b`, dayMonthYear: `%-d${dot} %b %Y`, date: "%x",
      },
    });
  };
  Desk.draw = (id, data, layout) => {
    if (!Plotly.desk) Plotly.desk = register() || true;
    const width = document.getElementById(id).clientWidth || undefined;
    return Plotly.react(id, data, Desk.layout({ width, ...layout }), { displayModeBar: false, locale: "desk" });
  };
  /* Draw now, and again when theme or width changes, or the page is put on paper. */
  Desk.keep = (draw) => {
    draw();
    document.addEventListener("desk:theme", draw);
    addEventListener("resize", draw);
    matchMedia("print").addEventListener("change", draw);
  };
})();
