/* global document, window */
"use strict";

/** The shaded text: figures of a block under the pointer or the keyboard, and jumps from the list of passages. */
(() => {
  const text = document.getElementById("text");
  if (!text) return;
  const { blocks } = JSON.parse(document.getElementById("page-data").textContent);
  const tip = document.getElementById("tip");
  let current = -1;

  function pieces(block) {
    return text.querySelectorAll(`[data-b="${block}"]`);
  }

  /** Marks a block and says its figures next to `place`, or under its last piece. */
  function show(block, place) {
    hide();
    const marked = pieces(block);
    if (marked.length === 0) return;
    current = block;
    for (const piece of marked) piece.classList.add("on");
    tip.replaceChildren(
      ...blocks[block].map((line) => {
        const row = document.createElement("div");
        row.textContent = line;
        return row;
      }),
    );
    tip.hidden = false;
    const box = marked[marked.length - 1].getBoundingClientRect();
    const { x, y } = place ?? { x: box.left, y: box.bottom };
    const size = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(x + 12, window.innerWidth - size.width - 8))}px`;
    tip.style.top = `${y + 18 + size.height > window.innerHeight ? Math.max(8, y - size.height - 12) : y + 18}px`;
  }

  function hide() {
    for (const piece of text.querySelectorAll(".on")) piece.classList.remove("on");
    tip.hidden = true;
  }

  function go(block) {
    const [first] = pieces(block);
    if (!first) return;
    first.scrollIntoView({ block: "center" });
    show(block);
  }

  text.addEventListener("pointermove", (event) => {
    const piece = event.target.closest("[data-b]");
    if (piece) show(Number(piece.dataset.b), { x: event.clientX, y: event.clientY });
    else hide();
  });
  text.addEventListener("pointerleave", hide);
  text.addEventListener("blur", hide);
  text.addEventListener("keydown", (event) => {
    const step = { n: 1, p: -1 }[event.key];
    if (event.key === "Escape") hide();
    if (step !== undefined) go(Math.min(blocks.length - 1, Math.max(0, current + step)));
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-go]");
    if (!link) return;
    event.preventDefault();
    text.focus({ preventScroll: true });
    go(Number(link.dataset.go));
  });
})();
