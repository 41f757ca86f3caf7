// Shows the page anew when the server says it would look different: <main data-watch="URL" data-stamp="…" data-every-s="2">.

const main = document.querySelector("[data-watch]");
const everyMs = 1000 * Number(main.dataset.everyS || 2);

export async function ask() {
  const answer = await fetch(main.dataset.watch, { headers: { Accept: "application/json" }, cache: "no-store" });
  if (!answer.ok) return null;
  const news = await answer.json();
  if (news.stamp !== main.dataset.stamp) location.reload();
  main.dispatchEvent(new CustomEvent("news", { detail: news }));
  return news;
}

async function watch() {
  try {
    if (!document.hidden) await ask();
  } catch (error) {
    console.warn("watch", error); // the next round asks again
  }
  setTimeout(watch, everyMs);
}

setTimeout(watch, Math.min(everyMs, 800));
document.addEventListener("visibilitychange", () => document.hidden || ask().catch((error) => console.warn("watch", error)));
