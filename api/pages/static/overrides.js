/* The form of an override: what comes of it is said, with its cost, as it is filled in; a link opens it as a dialog. */
(() => {
  "use strict";
  const { forms, step, said } = JSON.parse(document.getElementById("overrides").textContent);
  const locale = document.documentElement.lang;
  const minus = (text) => text.replace("-", "\u2212\u2060");
  const money = (currency, digits) => {
    const form = new Intl.NumberFormat(locale, { style: "currency", currency, ...digits });
    return (value) => minus(form.format(value || 0));
  };
  const percent = new Intl.NumberFormat(locale, { style: "percent" });
  const fill = (text, values) => text.replace(/%\((\w+)\)s/g, (_, name) => values[name]).replace(/%%/g, "%");

  /* The step that a price becomes: the nearest that keeps the bound. */
  const kept = (kind, amount, price) => (kind === "fixed" ? amount : kind === "floor" ? Math.max(amount, price) : Math.min(amount, price));

  const sentences = (given, kind, amount) => {
    const price = money(given.currency), whole = money(given.currency, { maximumFractionDigits: 0 });
    const signed = (value) => (value > 0 ? "+\u2060" : "") + whole(value);
    const now = Number(given.now), target = Number(given.target), becomes = kept(kind, amount, target);
    if (becomes === target) return [fill(said.keeps, { price: price(target) })];
    const words = { now: price(now), before: price(target), price: price(becomes) };
    const stays = !given.waits && kept(kind, amount, now) === now;
    if (!stays && Math.abs(becomes - now) > step * now) return [fill(said.far, { step: percent.format(step) })];
    const [low, high] = given.reach.map(Number);
    if (becomes !== now && !(low <= becomes && becomes <= high)) return [fill(said.today, words)];
    const made = [fill(given.waits ? said.waits : stays ? said.keeps : said.later, words)];
    const [, expected, least, most] = given.steps.find(([text]) => Number(text) === becomes) || [];
    made.push(expected === undefined ? said.unknown : fill(said.cost, { expected: signed(expected), low: signed(least), high: signed(most) }));
    return made;
  };

  /* Let a form tell what comes of it; `of` gives the row it is about. */
  const listen = (form, of) => {
    const tell = () => {
      const { kind, amount } = form.elements;
      form.querySelector("[data-effect]").textContent = sentences(of(), kind.value, Number(amount.value)).join(" ");
    };
    form.addEventListener("input", tell);
    return tell;
  };

  const page = document.querySelector("[data-override-form]");
  if (page) listen(page, () => forms[0])();

  const dialog = document.getElementById("override");
  if (!dialog) return;
  const form = dialog.querySelector("form");
  let given = null;
  const tell = listen(form, () => given);
  const open = (row) => {
    given = row;
    form.reset();
    const { offer, channel, amount, until } = form.elements, price = money(row.currency);
    offer.value = row.offer;
    channel.value = row.channel;
    amount.replaceChildren(...row.steps.map(([text]) => new Option(price(Number(text)), text, false, text === row.target)));
    until.max = row.latest;
    until.value = row.until;
    document.getElementById("override-title").textContent = fill(said.title, { name: row.title });
    tell();
    dialog.showModal();
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-override]");
    if (!link || event.ctrlKey || event.metaKey) return;
    const [offer, channel] = JSON.parse(link.dataset.override);
    const row = forms.find((it) => it.offer === offer && it.channel === channel);
    if (!row) return;
    event.preventDefault();
    open(row);
  });
})();
