/** Keeps what a page shows from growing old: states change by the clock and by others, without a word to this page. */

const EVERY = 15_000;
/** What was done here is known to the part that shows it a moment later, ms. */
const SOON = [300, 1500, 5000];

/**
 * Runs `load` now and then while the page is looked at, and as soon as it is looked at again; never twice at a time.
 * What goes wrong is left to the next time: what is shown stays.
 *
 * @returns {() => void} to be called when something was done here that changes what is shown
 */
export function keepFresh(load, page = document) {
  let busy = false;
  const look = async () => {
    if (busy || page.visibilityState !== "visible") return;
    busy = true;
    await load().catch(() => {});
    busy = false;
  };
  page.addEventListener("visibilitychange", look);
  setInterval(look, EVERY);
  return () => SOON.forEach((wait) => setTimeout(look, wait));
}
