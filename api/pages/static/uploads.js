/* Bringing a file: dropped or chosen, sent with its progress shown; and the mapping of its columns. Both work without. */
(() => {
  "use strict";
  const send = (form, file) => {
    const way = form.querySelector(".on-way"), bar = way.querySelector("progress"), told = way.querySelector("[data-told]");
    const wrong = form.querySelector(".wrong");
    const fail = (text) => {
      form.classList.remove("busy");
      way.hidden = true;
      wrong.textContent = text;
      wrong.hidden = false;
    };
    wrong.hidden = true;
    if (file.size > Number(form.dataset.most)) return fail(form.dataset.large);
    const data = new FormData();
    for (const field of form.querySelectorAll("input[type=hidden]")) data.append(field.name, field.value);
    data.append("file", file);
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.upload.addEventListener("progress", (event) => {
      bar.value = event.loaded / event.total;
      told.textContent = `${file.name} · ${Math.round(100 * bar.value)}\u202f%`;
    });
    request.addEventListener("load", () => {
      if (request.status < 400) return location.assign(request.responseURL);
      const page = new DOMParser().parseFromString(request.responseText, "text/html");
      const said = [...page.querySelectorAll("main .said li")].map((it) => it.textContent.trim()).join(" ");
      const title = page.querySelector("main h1");
      return fail(said || (title ? title.textContent : form.dataset.failed));
    });
    request.addEventListener("error", () => fail(form.dataset.failed));
    form.classList.add("busy");
    way.hidden = false;
    told.textContent = file.name;
    request.send(data);
  };

  document.querySelectorAll("[data-drop]").forEach((form) => {
    const field = form.querySelector("input[type=file]");
    form.classList.add("live");
    field.addEventListener("change", () => { if (field.files.length) send(form, field.files[0]); });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (field.files.length) send(form, field.files[0]);
    });
    for (const kind of ["dragenter", "dragover"]) form.addEventListener(kind, (event) => {
      event.preventDefault();
      form.classList.add("over");
    });
    for (const kind of ["dragleave", "drop"]) form.addEventListener(kind, (event) => {
      event.preventDefault();
      if (kind === "drop" || !form.contains(event.relatedTarget)) form.classList.remove("over");
    });
    form.addEventListener("drop", (event) => {
      if (event.dataTransfer.files.length) send(form, event.dataTransfer.files[0]);
    });
  });
  for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault());

  document.querySelectorAll("[data-column]").forEach((select) => select.addEventListener("change", () => {
    const row = select.closest("tr");
    row.querySelector("[data-cells]:not(option)").textContent = select.selectedOptions[0].dataset.cells || "";
    row.querySelector("[data-match]").textContent = "";
  }));
})();
