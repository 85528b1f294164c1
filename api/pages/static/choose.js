/* What is ticked, told by the server: how many are chosen, and what they are expected to gain together. */
(() => {
  "use strict";
  const form = document.getElementById("choose"), bar = document.getElementById("bar");
  if (!form || !bar) return;
  let asked = 0, wait = 0;
  const tell = async () => {
    const mine = ++asked, wanted = new URLSearchParams(new FormData(form));
    wanted.set("event", bar.dataset.event);
    const answer = await fetch(`${bar.dataset.from}?${wanted}`).catch(() => null);
    if (mine !== asked) return;
    if (answer?.ok && !answer.redirected) bar.innerHTML = await answer.text();
    else bar.querySelector(".grow").textContent = bar.dataset.failed; /* rather than the figures of other ticks */
  };
  document.addEventListener("change", (event) => {
    if (event.target.name !== "pick") return;
    clearTimeout(wait);
    wait = setTimeout(tell, 120);
  });
  /* ticks from before this script, or that the browser filled in again */
  if ([...document.querySelectorAll("[name=pick]")].some((it) => it.checked !== it.defaultChecked)) tell();
})();
