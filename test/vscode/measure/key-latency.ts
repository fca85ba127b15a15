import type { Page } from "playwright-core";
import { z } from "zod";

/**
 * Milliseconds from each key press to the frame after its character stands in the text, measured inside the page. Keys
 * are pressed one at a time with `pauseMs` between, a person's fast typing.
 */
export async function typingLatency(page: Page, presses: number, pauseMs = 60): Promise<number[]> {
  await page.evaluate(WATCH_KEYS);
  for (let press = 0; press < presses; press++) {
    await page.keyboard.press(press % 12 === 11 ? "Space" : LETTERS.charAt(press % LETTERS.length));
    await page.waitForTimeout(pauseMs);
  }
  // The last character may still be on its way.
  await page.waitForTimeout(2000);
  const samples = z.array(z.number()).parse(await page.evaluate("window.keySamples"));
  if (samples.length < presses * 0.9)
    throw new Error(`only ${samples.length} of ${presses} keys were seen on the screen`);
  return samples;
}

const LETTERS = "etaoinshrdlu";

/** A key's sample ends in the first frame after the lines of the editor changed; keys pressed meanwhile share it. */
const WATCH_KEYS = `(() => {
  window.keySamples = [];
  const waiting = [];
  window.keyEnd?.();
  const press = (event) => { if (event.key.length === 1 && !event.ctrlKey && !event.altKey) waiting.push(performance.now()); };
  document.addEventListener("keydown", press, true);
  const observer = new MutationObserver(() => {
    const began = waiting.splice(0);
    if (began.length > 0) requestAnimationFrame(() => {
      const now = performance.now();
      for (const start of began) window.keySamples.push(now - start);
    });
  });
  observer.observe(document.querySelector(".editor-instance .view-lines"), { subtree: true, childList: true, characterData: true });
  window.keyEnd = () => { document.removeEventListener("keydown", press, true); observer.disconnect(); };
})()`;
