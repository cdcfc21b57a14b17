"use strict";
// Keeps the status page current: once a second the page is asked for again, and its exchanges are taken over.

const list = document.getElementById("exchanges");
const state = document.getElementById("state");
let last = "";

function say(text) {
  if (state.textContent !== text) state.textContent = text; // said aloud only when it changes
}

function takeOver(fresh) {
  const focused = document.activeElement?.parentElement?.id;
  for (const each of list.querySelectorAll("details[open]")) {
    fresh.querySelector(`#${each.id}`)?.setAttribute("open", "");
  }
  list.replaceChildren(...fresh.childNodes);
  if (focused) document.getElementById(focused)?.querySelector("summary")?.focus();
}

async function look() {
  try {
    const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(5000) });
    const text = await answer.text();
    if (text !== last) {
      takeOver(new DOMParser().parseFromString(text, "text/html").getElementById("exchanges"));
      last = text;
    }
    say(state.dataset.live);
  } catch {
    say(state.dataset.lost);
  }
}

setInterval(() => {
  if (!document.hidden) look();
}, 1000);
look();
