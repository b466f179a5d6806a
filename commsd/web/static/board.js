// Countdowns, and the page's live part fetched anew every few seconds. Without this script the page reloads itself.
"use strict";

const EVERY = 4000;
const SAY_AT_MOST_EACH = 30000;

let offset = 0; // the server's clock minus ours, in milliseconds
let paused = false;
let saidAt = 0;

const live = () => document.getElementById("live");

function setOffset() {
  offset = Date.parse(live().dataset.now) - Date.now();
}

function span(milliseconds) {
  const seconds = Math.floor(Math.abs(milliseconds) / 1000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (minutes < 1) return `${seconds} s`;
  if (hours < 1) return minutes < 10 ? `${minutes} min ${String(seconds % 60).padStart(2, "0")} s` : `${minutes} min`;
  if (days < 1) return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
  return `${days} d ${hours % 24} h`;
}

function count() {
  const now = Date.now() + offset;
  for (const timer of document.querySelectorAll("[data-due]")) {
    const left = Date.parse(timer.dataset.due) - now;
    const text = left < 0 ? `late by ${span(left)}` : `in ${span(left)}`;
    if (timer.textContent !== text) timer.textContent = text;
  }
}

function say(before) {
  const late = Number(live().dataset.late);
  if (late > before) {
    document.getElementById("urgent").textContent = `${late} late`;
  }
  if (Date.now() - saidAt > SAY_AT_MOST_EACH) {
    saidAt = Date.now();
    const tiles = [...document.querySelectorAll(".tile")].map((tile) => tile.textContent.trim().replace(/\s+/g, " "));
    document.getElementById("polite").textContent = tiles.join(", ");
  }
}

function swap(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const main = fresh.getElementById("live");
  if (!main) return location.reload(); // the session is over
  const before = Number(live().dataset.late);
  const focused = document.activeElement?.id;
  const opened = new Map([...document.querySelectorAll("details[id]")].map((each) => [each.id, each.open]));
  const typed = [...document.querySelectorAll("main input[id]")].filter((each) => each.value);
  const heard = [...document.querySelectorAll("audio[id]")].filter((each) => each.currentTime > 0);
  live().replaceWith(main);
  for (const each of heard) document.getElementById(each.id)?.replaceWith(each); // at once, so that it plays on
  for (const each of document.querySelectorAll("details[id]")) each.open = opened.get(each.id) ?? each.open;
  for (const each of typed) {
    const again = document.getElementById(each.id);
    if (again) again.value = each.value;
  }
  document.title = fresh.title;
  document.querySelector(".clock").replaceWith(fresh.querySelector(".clock"));
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  setOffset();
  count();
  say(before);
}

async function refresh() {
  if (paused || document.hidden) return;
  try {
    const response = await fetch("/", { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(8000) });
    if (!paused) swap(await response.text());
    document.body.classList.remove("offline");
  } catch {
    document.body.classList.add("offline");
  }
}

const pause = document.getElementById("pause");
pause.hidden = false;
pause.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  pause.textContent = paused ? "Go on" : "Pause";
  if (!paused) refresh();
});
document.addEventListener("visibilitychange", refresh);

setOffset();
count();
setInterval(count, 1000);
setInterval(refresh, EVERY);
