// Counts down what the server says is left, on a clock that nobody can set; corrected whenever the server is asked again.

const timer = document.querySelector("[role=timer]");
const shown = document.getElementById("left");
const bar = timer.querySelector("progress");
const said = document.getElementById("said");
const forms = JSON.parse(timer.dataset.forms);
const plural = new Intl.PluralRules(document.documentElement.lang);
let endsAt = performance.now() + 1000 * Number(timer.dataset.leftS);
let toSay = [5, 1].filter((minutes) => minutes * 60 < Number(timer.dataset.leftS));

document.querySelector("[data-watch]").addEventListener("news", ({ detail }) => {
  if (Number.isFinite(detail.left_s)) endsAt = performance.now() + 1000 * detail.left_s;
});

function announce(leftS) {
  const due = toSay.filter((minutes) => leftS <= minutes * 60);
  if (!due.length) return;
  toSay = toSay.filter((minutes) => !due.includes(minutes));
  const minutes = Math.min(...due);
  said.textContent = (forms[plural.select(minutes)] || forms.other).replace("{n}", minutes);
}

function tick() {
  const leftS = Math.max(0, Math.ceil((endsAt - performance.now()) / 1000));
  shown.textContent = `${Math.floor(leftS / 60)}:${String(leftS % 60).padStart(2, "0")}`;
  bar.value = leftS;
  timer.classList.toggle("is-short", leftS <= 60);
  announce(leftS);
  if (leftS > 0) return setTimeout(tick, 250);
  setTimeout(() => location.reload(), 800); // the server decides whether it is over
}

bar.max = Math.max(600, Number(timer.dataset.leftS));
tick();
