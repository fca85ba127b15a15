import type { Page } from "playwright-core";
import { z } from "zod";

/**
 * Milliseconds from each press of an arrow key to the first frame in which the highlights of the visible lines differ,
 * measured inside the page. Moves that change nothing visible within half a second give no sample.
 */
export async function cursorLatency(page: Page, presses: number): Promise<number[]> {
  await page.evaluate(WATCH_HIGHLIGHTS);
  // Down a few lines and up again: the same screen of text, nothing scrolls.
  for (let press = 0; press < presses; press++) {
    await page.keyboard.press(press % 12 < 6 ? "ArrowDown" : "ArrowUp");
    await page.waitForTimeout(120);
  }
  await page.waitForTimeout(700);
  return z.array(z.number()).parse(await page.evaluate("window.moveSamples"));
}

const WATCH_HIGHLIGHTS = `(() => {
  window.moveSamples = [];
  const overlays = document.querySelector(".editor-instance .view-overlays");
  const look = () => [...overlays.querySelectorAll(".cdr[class*='ced-']")]
    .map((mark) => mark.className + mark.style.left + mark.style.width + mark.parentElement.style.top).join("|");
  document.addEventListener("keydown", (event) => {
    if (!event.key.startsWith("Arrow")) return;
    const began = performance.now();
    const before = look();
    const watch = () => {
      const now = performance.now();
      if (look() !== before) window.moveSamples.push(now - began);
      else if (now - began < 500) requestAnimationFrame(watch);
    };
    requestAnimationFrame(watch);
  }, true);
})()`;
