/* The page of an event or a product: what if, and the booking curve of an event. */
(() => {
  "use strict";
  const D = window.Desk;
  const said = D.read("said");
  const given = D.read("drawing");
  const slider = document.getElementById("wi");
  const byPercent = new Map(given.cases.map((it) => [it.percent, it]));
  const recommended = byPercent.get(null);
  const today = byPercent.get(0);
  let chosen = recommended || today;

  /* Units sold at each lead from now on, if it ends at `end`. */
  const path = (end) => {
    const now = given.sold.at(-1);
    return given.share.map((share) => now + (end - now) * share);
  };
  const fan = (it, line, band, dash, name) => [
    ...D.band(given.ahead, path(it.final[0]), path(it.final[2]), band),
    D.line(given.ahead, path(it.final[1]), line, { line: { dash }, ...D.named(name) }),
  ];

  /* Beside a rising curve: before it and above, or after it and below. */
  const beside = (above, edge) => ({ xanchor: above && !edge ? "right" : "left", xshift: edge ? 0 : above ? -7 : 7, yshift: above ? (edge ? 15 : 9) : -11 });

  const notes = (top) => {
    const { lead, sold, capacity, typical } = given;
    const now = lead.at(-1), longest = Math.max(lead[0], 5), narrow = D.narrow();
    const early = longest - now < 0.25 * longest, late = now < 0.25 * longest;
    const made = [D.note({ x: now, y: 0, text: said.today, colour: "ink-3", xanchor: late ? "right" : "left", xshift: late ? -4 : 4, yshift: 9 })];
    const at = early ? longest : now + 0.35 * (longest - now);
    const height = sold[Math.max(0, lead.findIndex((each) => each <= at))];
    const usual = typical ? typical.median[typical.lead.findIndex((each) => each <= at)] : 0;
    made.push(D.note({ x: at, y: height, text: said.sold, colour: "c-now", ...beside(height >= usual, early) }));
    if (typical) {
      const spot = late ? now + 0.2 * (longest - now) : (narrow ? 0.75 : 0.45) * now, index = typical.lead.findIndex((each) => each <= spot);
      const other = late ? sold[lead.findIndex((each) => each <= spot)] : today && path(today.final[1])[Math.round(now - spot)];
      const below = other >= typical.median[index];
      made.push(D.note({ x: spot, y: typical.median[index], text: said.typical, colour: "ink-3", ...beside(!below, false) }));
    }
    if (capacity) made.push(D.note({ x: longest, y: capacity, text: D.fill(said.capacity, { units: D.units(capacity) }), colour: "ink-3", yshift: 10 }));
    if (today) {
      const other = chosen !== today;
      const apart = 0.13 * top, first = today.final[1], second = chosen.final[1];
      const near = Math.abs(first - second) < apart;
      const shift = !other || !near ? [0, 0] : first >= second ? [16, -18] : [-18, 16];
      const ending = (it, text) => (narrow ? D.units(it.final[1]) : `${D.units(it.final[1])} ${text}<br>${D.fill(said.range, { low: D.units(it.final[0]), high: D.units(it.final[2]) })}`);
      const side = narrow ? { xanchor: "right", xshift: -2 } : { xshift: 7, align: "left" };
      made.push(D.note({ x: 0, y: first, text: ending(today, said.asnow), colour: "c-fc", yshift: shift[0] + (narrow && !near ? 10 : 0), ...side }));
      if (other) made.push(D.note({ x: 0, y: second, text: ending(chosen, said.whatif), colour: "c-if", yshift: shift[1] - (narrow && !near ? 10 : 0), ...side }));
    }
    return made;
  };

  const curve = () => {
    if (!document.getElementById("curve")) return;
    const { lead, sold, capacity, typical } = given;
    const narrow = D.narrow(), longest = Math.max(lead[0], 5), now = lead.at(-1);
    const ends = today ? [today.final[2], chosen.final[2]] : [];
    const top = Math.max(1, capacity || 0, ...ends, ...sold, ...(typical ? typical.high : []));
    const data = [];
    if (typical) {
      data.push(...D.band(typical.lead, typical.low, typical.high, "c-typ-band"));
      data.push(D.line(typical.lead, typical.median, "c-typ", { line: { width: 1.6, dash: "4px,4px" }, ...D.named(said.typical) }));
    }
    if (today) data.push(...fan(today, "c-fc", "c-fc-band", "solid", said.asnow));
    if (today && chosen !== today) data.push(...fan(chosen, "c-if", "c-if-band", "7px,3px", said.whatif));
    data.push(D.line(lead, sold, "c-now", { line: { width: 2.6 }, ...D.named(said.sold) }));
    data.push({ x: [now], y: [sold.at(-1)], mode: "markers", hoverinfo: "skip", marker: { color: D.colour("c-now"), size: 8, line: { color: D.colour("surface"), width: 2 } } });
    const rule = (more, colour, dash) => ({ type: "line", line: { color: D.colour(colour), width: 1.2, dash }, ...more });
    const shapes = [rule({ x0: now, x1: now, y0: 0, y1: top }, "line-2")];
    if (capacity) shapes.push(rule({ x0: longest, x1: 0, y0: capacity, y1: capacity }, "ink-3", "2px,3px"));
    D.draw("curve", data, {
      height: narrow ? 300 : 404, margin: { l: 42, r: narrow ? 14 : 152, t: 16, b: 40 }, annotations: notes(top), shapes,
      xaxis: { range: [longest * 1.01, 0], nticks: narrow ? 6 : 9, title: { text: said.days, standoff: 8 }, showgrid: false, showline: true, ticks: "outside", ticklen: 4 },
      yaxis: { range: [0, top * 1.09], nticks: 6 },
    });
  };

  const text = (id, words) => { document.getElementById(id).textContent = words; };
  const cell = (parent, words, kind) => {
    const made = document.createElement("span");
    made.textContent = words;
    made.className = kind;
    parent.append(made);
  };

  const figures = () => {
    const money = D.money(given.currency), out = document.getElementById("wi-out");
    const row = (label, a, b) => { cell(out, label, "l"); cell(out, a, ""); cell(out, b, "if"); };
    out.replaceChildren();
    cell(out, "", "l h"); cell(out, said.asnow, "h"); cell(out, said.whatif, "h");
    row(said.final, D.units(today.final[1]), D.units(chosen.final[1]));
    row(said.revenue, money.whole(today.revenue), money.whole(chosen.revenue));
    row(said.difference, "", money.difference(chosen.gain[0]));
    cell(out, said.interval, "l");
    cell(out, D.fill(said.between, { low: money.difference(chosen.gain[1]), high: money.difference(chosen.gain[2]) }), "if two");
    if (given.counted !== false) row(said.full, D.percent(today.full), D.percent(chosen.full));
    text("wi-by", chosen === recommended ? said.recommended : D.change(chosen.percent / 100));
    text("wi-price", D.fill(said.mean, { before: money.price(today.price), after: money.price(chosen.price) }));
  };

  const SHAPES = {
    more: '<circle cx="6" cy="6" r="5" class="f-fc"/>',
    less: '<path d="M2.500 2.500l7 7M9.500 2.500l-7 7" class="s-if round" stroke-width="2.400"/>',
    same: '<circle cx="6" cy="6" r="4.600" class="nofill s-line" stroke-width="1.300"/>',
  };
  const outcomes = () => {
    const { less } = chosen, same = chosen === today, dots = document.getElementById("wi-dots");
    const kinds = Array.from({ length: 20 }, (_, k) => (same ? "same" : k < 20 - less ? "more" : "less"));
    dots.innerHTML = kinds.map((kind) => `<svg viewBox="0 0 12 12" aria-hidden="true">${SHAPES[kind]}</svg>`).join("");
    const words = same ? said.move : less ? D.fill(said.outcomes, { more: 20 - less, less }) : said.hardly;
    dots.setAttribute("aria-label", words);
    text("wi-said", words);
  };

  const note = () => {
    const step = given.step * 100, moved = Math.abs(chosen.percent || 0);
    const words = chosen.beyond ? D.fill(said.beyond, { prices: chosen.beyond }) : chosen === recommended ? said.isrecommended
      : chosen === today ? "" : moved > step ? D.fill(said.oversteps, { step: D.percent(given.step) }) : said.within;
    text("wi-note", words);
    document.getElementById("wi-note").classList.toggle("warn", Boolean(chosen.beyond));
  };

  /* The slider's scale: steps beyond the largest allowed are thin, those beyond every ladder hatched. */
  const track = () => {
    const place = (percent) => `${((percent + 20) / 40) * 100}%`, step = Math.min(20, given.step * 100);
    const out = [...byPercent.values()].filter((it) => it.percent !== null && it.beyond).map((it) => it.percent);
    const low = Math.max(-20, ...out.filter((p) => p < 0)), high = Math.min(20, ...out.filter((p) => p > 0));
    const hatched = (from, to) => `<rect x="${place(from)}" y="0" width="${((to - from) / 40) * 100}%" height="8" class="hatch"/>`;
    const label = (percent, anchor) => `<text x="${place(percent)}" y="28" text-anchor="${anchor}" class="tx">${percent ? D.change(percent / 100) : 0}</text>`;
    document.getElementById("wi-track").innerHTML =
      '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse"><path d="M0 6 6 0" class="s-line" stroke-width="1.200"/></pattern></defs>' +
      '<rect width="100%" height="8" rx="4" class="f-track"/>' +
      `<rect x="${place(-step)}" width="${(step / 20) * 100}%" height="8" rx="4" class="f-band"/>` +
      (low > -20 ? hatched(-20, low) : "") + (high < 20 ? hatched(high, 20) : "") +
      `<line x1="${place(0)}" x2="${place(0)}" y1="-3" y2="11" class="s-line" stroke-width="1.500"/>` +
      label(-20, "start") + (step < 18 ? label(-Math.round(step), "middle") + label(Math.round(step), "middle") : "") + label(0, "middle") + label(20, "end");
  };

  const show = () => {
    if (slider) { figures(); outcomes(); note(); }
    curve();
    if (today) document.dispatchEvent(new CustomEvent("desk:case", { detail: { today, chosen } }));
  };
  const choose = (it) => { chosen = it; show(); };
  if (slider) {
    let frame = 0;
    const reset = () => { slider.value = 0; choose(today); };
    slider.addEventListener("input", () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => choose(byPercent.get(Number(slider.value))));
    });
    document.getElementById("wi-reset").addEventListener("click", reset);
    document.getElementById("wi-rec")?.addEventListener("click", () => { slider.value = average(); choose(recommended); });
    const average = () => Math.round(100 * (recommended.price / today.price - 1));
    if (recommended) slider.value = average();
    track();
  }
  D.keep(show);
})();
