/* Jobs that are open: asked for every second and a half, and the page anew once one has ended.
   What was heard last stays while the server does not answer, with a word that says so. */
(() => {
  "use strict";
  const PAUSE = 1500, LONGEST = 12000, SPOKEN = 1200;
  const live = document.createElement("p");
  live.className = "sr";
  live.setAttribute("role", "status");
  document.body.append(live);

  const say = (job, text) => { live.textContent = [job.dataset.name, text].filter(Boolean).join(": "); };
  const put = (element, text) => {
    if (element && element.textContent !== text) element.textContent = text;
  };
  const listed = (entry) => {
    const line = document.createElement("li"), at = document.createElement("span"), text = document.createElement("span");
    at.className = "w";
    at.textContent = entry.at;
    text.textContent = entry.text;
    if (entry.lang) text.lang = entry.lang;
    line.append(at, text);
    return line;
  };

  const show = (job, told) => {
    const bar = job.querySelector("progress"), again = job.querySelector("[data-again]");
    const stage = job.querySelector("[data-stage]"), steps = job.querySelectorAll("[data-steps] li");
    if (stage.textContent !== told.stage) say(job, told.stage);
    put(stage, told.stage);
    bar.value = told.progress;
    put(job.querySelector("[data-percent]"), told.percent);
    if (again) {
      if (told.again && again.textContent !== told.again) say(job, told.again);
      put(again, told.again);
      again.hidden = !told.again;
    }
    steps.forEach((step, i) => {
      step.classList.toggle("over", i < told.done);
      if (i === told.done) step.setAttribute("aria-current", "step");
      else step.removeAttribute("aria-current");
    });
    const alone = document.getElementById("alone"), log = document.getElementById("log");
    if (alone) alone.hidden = !told.unattended;
    if (log && log.children.length !== told.log.length) log.replaceChildren(...told.log.map(listed));
  };

  const away = (job, is) => {
    const word = job.querySelector("[data-away]");
    if (!word || word.hidden !== is) return;
    word.hidden = !is;
    if (is) say(job, word.textContent.trim());
  };

  const watch = async (job, pause) => {
    let next = Math.min(2 * pause, LONGEST);
    try {
      const sent = await fetch(job.dataset.job, { headers: { Accept: "application/json" } });
      if (sent.redirected) return location.reload(); /* to sign in again */
      if (!sent.ok) throw new Error(sent.status);
      const told = await sent.json();
      if (!told.open) {
        say(job, told.state);
        return setTimeout(() => location.reload(), SPOKEN); /* once that has been said */
      }
      show(job, told);
      away(job, false);
      next = PAUSE;
    } catch { away(job, true); }
    setTimeout(() => watch(job, next), document.hidden ? 4 * PAUSE : next);
  };
  document.querySelectorAll("[data-job]").forEach((job) => setTimeout(() => watch(job, PAUSE), PAUSE));
})();
