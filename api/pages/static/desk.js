/* What every page does: theme, dialogs, keys. Pages can be read, and forms sent, without it. */
(() => {
  "use strict";
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const changed = () => document.dispatchEvent(new Event("desk:theme"));
  const typing = (target) => target.closest("input, select, textarea, dialog") !== null;

  document.getElementById("theme").addEventListener("click", () => {
    const shown = root.dataset.theme || (dark.matches ? "dark" : "light");
    root.dataset.theme = shown === "dark" ? "light" : "dark";
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `theme=${root.dataset.theme}; Path=/desk; Max-Age=31536000; SameSite=Lax${secure}`;
    changed();
  });
  dark.addEventListener("change", changed);

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open]");
    if (opener) document.getElementById(opener.dataset.open).showModal();
    if (event.target.closest("[data-close]")) event.target.closest("dialog").close();
  });
  /* What changes something is sent once, however often it is pressed, until the page is shown again. */
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.ariaBusy) event.preventDefault();
    form.ariaBusy = "true";
  });
  addEventListener("pageshow", () => document.querySelectorAll("form[aria-busy]").forEach((it) => { it.ariaBusy = null; }));

  /* A filter acts at once by mouse or touch; by keyboard, which passes others on its way, with Enter. */
  let keyed = null;
  addEventListener("pointerdown", () => { keyed = null; });
  addEventListener("keydown", (event) => {
    if (!event.target.matches?.("[data-submit]")) return;
    keyed = event.target;
    if (event.key === "Enter") keyed.form.requestSubmit();
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit]") && event.target !== keyed) event.target.form.requestSubmit();
  });
  document.querySelectorAll("input[type=datetime-local]").forEach((field) => {
    const [now, later] = ["now", "later"].map((value) => field.form.querySelector(`input[name=when][value=${value}]`));
    if (later) field.addEventListener("input", () => { later.checked = true; });
    if (now) now.addEventListener("change", () => { field.value = ""; });
  });

  const items = [...document.querySelectorAll("#att h3 a")];
  let at = -1;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (event.key === "/" && document.getElementById("find")) {
      event.preventDefault();
      document.getElementById("find").focus();
    }
    if (items.length && (event.key === "j" || event.key === "k")) {
      at = Math.min(Math.max(at + (event.key === "j" ? 1 : -1), 0), items.length - 1);
      items[at].focus();
    }
  });
})();
