/* Jobs that are open: asked for every second and a half, and the page anew once one has ended. */
(() => {
  "use strict";
  const PAUSE = 1500;
  const watch = async (job) => {
    const bar = job.querySelector("progress"), stage = job.querySelector("[data-stage]");
    const lines = document.getElementById("log"), alone = document.getElementById("alone");
    try {
      const sent = await fetch(job.dataset.job, { headers: { Accept: "application/json" } });
      if (sent.redirected || !sent.ok) return;
      const told = await sent.json();
      if (!told.open) return location.reload();
      bar.value = told.progress;
      stage.textContent = told.stage;
      if (alone) alone.hidden = !told.unattended;
      if (lines && lines.children.length !== told.log.length) {
        lines.replaceChildren(...told.log.map((text) => {
          const line = document.createElement("li");
          line.textContent = text;
          return line;
        }));
      }
    } catch { /* the server is away: what stands stays, and is asked for again */ }
    setTimeout(() => watch(job), document.hidden ? 4 * PAUSE : PAUSE);
  };
  document.querySelectorAll("[data-job]").forEach((job) => setTimeout(() => watch(job), PAUSE));
})();
