"use strict";
// Sites of a large plan travel packed; one is unpacked when somebody opens, seeks or prints it.
async function unpack(site) {
  const parcel = site.querySelector(':scope > script[type="application/gzip"]');
  if (!parcel) return;
  const bytes = Uint8Array.from(atob(parcel.textContent.trim()), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const markup = await new Response(stream).text();
  if (!parcel.isConnected) return;
  site.querySelector(".wait")?.remove();
  parcel.insertAdjacentHTML("afterend", markup);
  parcel.remove();
}

const sites = [...document.querySelectorAll(".site")];

for (const site of sites) {
  const details = site.querySelector("details");
  details.addEventListener("toggle", () => details.open && unpack(site));
  for (const button of site.querySelectorAll("button[data-print]")) {
    button.parentElement.hidden = false;
    button.addEventListener("click", async () => {
      await unpack(site);
      site.classList.add("chosen");
      document.body.dataset.print = button.dataset.print;
      window.print();
    });
  }
}
window.addEventListener("afterprint", () => {
  delete document.body.dataset.print;
  for (const site of sites) site.classList.remove("chosen");
});

// A link from the table of sites opens the site it leads to.
async function follow() {
  const site = sites.find((each) => "#" + each.id === location.hash);
  if (site) {
    site.querySelector("details").open = true;
    await unpack(site);
    site.scrollIntoView();
  }
}
window.addEventListener("hashchange", follow);
follow();

const find = document.getElementById("find");
const said = find.querySelector("output");
find.hidden = false;
find.addEventListener("input", () => (said.value = ""));
find.addEventListener("submit", async (event) => {
  event.preventDefault();
  const wanted = find.querySelector("input").value.trim().toLowerCase();
  if (!wanted) return;
  for (const site of sites) {
    await unpack(site);
    const page = [...site.querySelectorAll(".page")].find((each) => each.dataset.id.toLowerCase() === wanted);
    if (page) {
      location.hash = page.id;
      return;
    }
  }
  said.value = said.dataset.nobody;
});
