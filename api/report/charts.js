/* Draws the page's charts: colours come from the style sheet, so that light, dark and paper each get their own. */
(() => {
  "use strict";
  const root = document.documentElement;
  const specs = JSON.parse(document.getElementById("specs").textContent);
  const drawn = new Set();
  const narrow = () => innerWidth < 720;

  const paint = (value, style) => {
    if (typeof value === "string") return /^--[a-z0-9-]+$/.test(value) ? style.getPropertyValue(value).trim() : value;
    if (Array.isArray(value)) return value.map((item) => paint(item, style));
    if (value && typeof value === "object")
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, paint(item, style)]));
    return value;
  };

  const layout = (spec) => {
    const { short, ...phone } = narrow() ? spec.narrow || {} : {};
    const made = { ...structuredClone(spec.layout), ...phone };
    for (const [index, text] of Object.entries(short || {})) {
      Object.assign(made.annotations[index], { text, xanchor: "right", xshift: -2, yshift: -12 });
    }
    const axis = {
      gridcolor: "--c-grid", zeroline: false, linecolor: "--line-2", tickcolor: "--line-2", fixedrange: true,
      tickfont: { size: 12, color: "--ink-3" }, automargin: false,
    };
    const title = { font: { size: 12, color: "--ink-3" } };
    for (const name of ["xaxis", "yaxis"]) {
      made[name] = { ...axis, ...made[name], title: { ...title, ...(made[name].title || {}) } };
    }
    return {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, dragmode: false,
      hovermode: "x unified", separators: ".,", font: { family: "--font", size: 12, color: "--ink-2" },
      hoverlabel: { bgcolor: "--surface", bordercolor: "--line-2", font: { family: "--font", color: "--ink" } },
      ...made,
    };
  };

  const draw = (figure) => {
    const spec = specs[figure.id];
    const style = getComputedStyle(root);
    Plotly.react(figure, paint(spec.data, style), paint(layout(spec), style), { displayModeBar: false, responsive: true });
    drawn.add(figure);
  };
  const visible = (figure) => figure.checkVisibility();
  const figures = [...document.querySelectorAll(".chart")];
  const drawVisible = () => figures.filter((figure) => visible(figure) && !drawn.has(figure)).forEach(draw);
  const redraw = () => { drawn.clear(); drawVisible(); };

  drawVisible();
  document.querySelectorAll("details").forEach((part) => part.addEventListener("toggle", drawVisible));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  matchMedia("(max-width: 719px)").addEventListener("change", redraw);

  const open = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.tagName === "DETAILS") { target.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", open);
  open();

  let closed = [];
  addEventListener("beforeprint", () => {
    root.classList.add("paper");
    closed = [...document.querySelectorAll("details:not([open]):not(.numbers)")];
    closed.forEach((part) => { part.open = true; });
    redraw();
  });
  addEventListener("afterprint", () => {
    root.classList.remove("paper");
    closed.forEach((part) => { part.open = false; });
    redraw();
  });
})();
