/** Makes what a wall says as large as its screen allows, with nothing cut off and nothing smaller than the body's letters. */

/** How much of its wished size a text takes, tried one after the other. */
const SHARES = [1, 0.88, 0.76, 0.66, 0.56, 0.48, 0.4];
/** Of the height of the screen: no more for the title, if its letters are not too small for that. */
const TITLE_HEIGHT = 0.13;
/** Of the height of the stage: no less for the figures, if the letters around them are not too small for that. */
const COUNT_HEIGHT = 0.45;
/** The height of a line, by the size of its letters. */
const LINE = 1.2;

/** The smallest letters of this screen, pixels. */
export const leastSize = () => parseFloat(getComputedStyle(document.body).fontSize);

/** The title: smaller, the longer it is. */
export function fitTitle(title) {
  for (const share of SHARES) {
    title.style.setProperty("--share", share);
    if (title.offsetHeight <= TITLE_HEIGHT * innerHeight) return;
  }
}

/** The lines of the stage, and the figures in what these leave. */
export function fitStage(stage, count) {
  count.style.fontSize = "100px";
  const width = count.getBoundingClientRect().width / 100;
  count.style.fontSize = "0";
  let left = 0;
  for (const share of SHARES) {
    stage.style.setProperty("--share", share);
    left = stage.clientHeight - heightOf(stage);
    if (left >= COUNT_HEIGHT * stage.clientHeight) break;
  }
  const most = width ? Math.min(left / LINE, stage.clientWidth / width) : 0;
  count.style.fontSize = `${Math.max(leastSize(), Math.floor(most))}px`;
}

/** From the top of the first line to the bottom of the last one. */
function heightOf(stage) {
  const boxes = [...stage.children].filter((child) => child.checkVisibility?.() ?? child.offsetParent).map((child) => child.getBoundingClientRect());
  return Math.max(...boxes.map((box) => box.bottom)) - Math.min(...boxes.map((box) => box.top));
}
