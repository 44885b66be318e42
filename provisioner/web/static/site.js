// Small improvements on pages that work without them. Nothing here decides anything.

const fresh = (html) => new DOMParser().parseFromString(html, "text/html");

// On a narrow screen the navigation is a strip: the place where one is comes into sight.
const here = document.querySelector(".ways [aria-current]");
const comeIntoSight = () => { here.closest(".ways").scrollLeft = here.offsetLeft - (innerWidth - here.offsetWidth) / 2; };
if (here) {
  comeIntoSight();
  document.fonts.ready.then(comeIntoSight);  // the words have another width in their own font
}

// A part of a page with data-poll asks for itself again every so many milliseconds, until it comes without it;
// with data-then="reload" the whole page is loaded anew then.
async function poll(part) {
  const wait = Number(part.dataset.poll) || 2000;
  const then = part.dataset.then;
  await new Promise((done) => setTimeout(done, document.hidden ? wait * 4 : wait));
  try {
    const answer = await fetch(part.dataset.from, { headers: { "X-Part": "1" } });
    if (answer.ok) {
      const next = fresh(await answer.text()).querySelector("[data-part]");
      if (then === "reload" && next?.dataset.then !== "reload") return location.reload();
      if (next) {
        part.replaceWith(document.adoptNode(next));
        part = next;
      }
    }
  } catch {
    // The server is away for a moment: ask again.
  }
  if (part.dataset.poll) poll(part);
}
document.querySelectorAll("[data-poll]").forEach(poll);

// A form with data-preview shows what the server makes of it while somebody types.
document.querySelectorAll("form[data-preview]").forEach((form) => {
  let timer = 0;
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      try {
        const said = new FormData(form);
        for (const [name, value] of [...said]) if (value instanceof File) said.delete(name);
        const answer = await fetch(form.dataset.preview, { method: "POST", body: said });
        const next = answer.ok && fresh(await answer.text()).querySelector("[data-part]");
        const here = form.querySelector("[data-part]");
        if (next && here) here.replaceWith(document.adoptNode(next));
      } catch {
        // The preview stays as it was.
      }
    }, 400);
  });
});

// One box that ticks all boxes of its name.
document.querySelectorAll("input[data-all]").forEach((box) => {
  box.hidden = false;
  box.addEventListener("change", () => {
    for (const one of document.getElementsByName(box.dataset.all)) one.checked = box.checked;
  });
});

// A file dropped on its field is taken.
document.querySelectorAll(".drop").forEach((zone) => {
  const input = zone.querySelector("input[type=file]");
  const name = zone.querySelector("[data-name]");
  const show = () => { if (name) name.textContent = input.files.length ? input.files[0].name : ""; };
  input.addEventListener("change", show);
  zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("over"); });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    input.files = event.dataTransfer.files;
    show();
  });
});
