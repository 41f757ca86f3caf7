// Says the position anew when it has changed; watch.js shows the page anew when the buyer is let in.

import "./watch.js";

const words = document.getElementById("words");

document.querySelector("[data-watch]").addEventListener("news", ({ detail }) => {
  if (detail.words && detail.words !== words.textContent) words.textContent = detail.words;
});
