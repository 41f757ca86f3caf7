// The seat map: native checkboxes, moved between by geometry; a list of what is chosen; fresh states every few seconds.
// Without this file the page is still a form that works.

const hall = JSON.parse(document.getElementById("hall-json").textContent);
const seats = [...document.querySelectorAll(".seat")];
const byId = new Map(seats.map((seat) => [seat.value, seat]));
const places = new Map(seats.map((seat) => [seat, { x: parseFloat(seat.style.left), y: parseFloat(seat.style.top) }]));
const plan = document.querySelector(".plan");
const list = document.getElementById("chosen");
const said = document.getElementById("said");
const hint = document.getElementById("hint");
const aspect = parseFloat(plan.style.getPropertyValue("--h")) / parseFloat(plan.style.getPropertyValue("--w"));
const types = new Map(Object.entries(hall.chosen_types));
const lang = document.documentElement.lang;
const plural = new Intl.PluralRules(lang);
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

// ---- words

function money(minor) {
  const options = { style: "currency", currency: hall.currency };
  const digits = new Intl.NumberFormat(lang, options).resolvedOptions().maximumFractionDigits;
  const amount = minor / 10 ** digits;
  return new Intl.NumberFormat(lang, { ...options, currencyDisplay: "narrowSymbol", minimumFractionDigits: Number.isInteger(amount) ? 0 : digits }).format(amount);
}

const typesOf = (seat) => hall.types.filter((type) => hall.prices[seat.dataset.zone]?.[type.id] !== undefined);
const typeOf = (seat) => {
  const offered = typesOf(seat);
  return offered.find((type) => type.id === types.get(seat.value)) || offered[0];
};
const priceOf = (seat) => hall.prices[seat.dataset.zone][typeOf(seat).id];

function describe(seat) {
  const usual = typesOf(seat)[0];
  const wheel = "wheel" in seat.dataset ? `, ${hall.t.accessible}` : "";
  const price = seat.disabled || !usual ? "" : `, ${hall.spoken[seat.dataset.zone][usual.id]}`;
  const state = seat.disabled ? hall.t.taken : hall.t.free;
  seat.setAttribute("aria-label", `${seat.dataset.name}${wheel}${price}, ${state}`);
  seat.title = seat.disabled ? seat.dataset.name : `${seat.dataset.name}${price.replace(",", " ·")}`;
}

// ---- the list of chosen seats

const chosen = () => seats.filter((seat) => seat.checked);

function totalText() {
  const now = chosen();
  const sum = money(now.reduce((total, seat) => total + priceOf(seat), 0));
  const count = fill(hall.seats[plural.select(now.length)] || hall.seats.other, { n: now.length });
  return { sum, text: fill(hall.t.said_total, { seats: count, sum }) };
}

function typeField(seat) {
  const offered = typesOf(seat);
  if (offered.length < 2) {
    const only = document.createElement("input");
    Object.assign(only, { type: "hidden", name: `type-${seat.value}`, value: offered[0].id });
    return only;
  }
  const field = document.createElement("select");
  field.name = `type-${seat.value}`;
  field.setAttribute("aria-label", `${hall.t.price_type}: ${seat.dataset.name}`);
  field.append(...offered.map((type) => new Option(`${type.name} · ${money(hall.prices[seat.dataset.zone][type.id])}`, type.id, false, type === typeOf(seat))));
  field.addEventListener("change", () => {
    types.set(seat.value, field.value);
    field.closest("li").querySelector("b").textContent = money(priceOf(seat));
    showTotal();
    said.textContent = totalText().text;
  });
  return field;
}

function line(seat) {
  const row = document.createElement("li");
  row.dataset.seat = seat.value;
  const name = Object.assign(document.createElement("span"), { className: "seat-line", textContent: seat.dataset.name });
  const price = Object.assign(document.createElement("b"), { textContent: money(priceOf(seat)) });
  const remove = Object.assign(document.createElement("button"), { type: "button", textContent: "×" });
  remove.setAttribute("aria-label", fill(hall.t.remove, { seat: seat.dataset.name }));
  remove.addEventListener("click", () => {
    const next = row.nextElementSibling || row.previousElementSibling;
    seat.checked = false;
    toggled(seat);
    (next?.querySelector("button") || seat).focus();
  });
  row.append(name, price, typeField(seat), remove);
  return row;
}

function showTotal() {
  const isEmpty = chosen().length === 0;
  document.getElementById("cart-empty").hidden = !isEmpty;
  document.getElementById("total").hidden = isEmpty;
  document.getElementById("sum").textContent = totalText().sum;
}

function toggled(seat) {
  const old = list.querySelector(`[data-seat="${CSS.escape(seat.value)}"]`);
  if (seat.checked && !old) list.append(line(seat));
  if (!seat.checked) old?.remove();
  seat.classList.remove("is-lost");
  showTotal();
  const news = fill(seat.checked ? hall.t.said_added : hall.t.said_removed, { seat: seat.dataset.name });
  said.textContent = chosen().length ? `${news} ${totalText().text}` : news;
}

// ---- the keyboard

const AHEAD = {
  ArrowLeft: (dx) => -dx,
  ArrowRight: (dx) => dx,
  ArrowUp: (_, dy) => -dy,
  ArrowDown: (_, dy) => dy,
};
const isAlong = (key) => key === "ArrowLeft" || key === "ArrowRight";

// Left and right keep to the row, however it bends, and leave it only at its end; up and down take what is nearest ahead.
function nearest(from, key) {
  const others = seats.filter((seat) => !seat.disabled && seat !== from);
  const sameRow = isAlong(key) ? others.filter((seat) => seat.dataset.row === from.dataset.row) : [];
  return best(from, key, sameRow) || best(from, key, others);
}

function best(from, key, candidates) {
  const here = places.get(from);
  let found = null;
  for (const seat of candidates) {
    const dx = places.get(seat).x - here.x;
    const dy = (places.get(seat).y - here.y) * aspect;
    const ahead = AHEAD[key](dx, dy);
    const aside = Math.abs(isAlong(key) ? dy : dx);
    if (ahead <= 0.01 || aside > ahead * 2) continue;
    const cost = ahead + aside * 1.2;
    if (!found || cost < found.cost) found = { seat, cost };
  }
  return found?.seat;
}

function ends(from, key) {
  const row = seats.filter((seat) => !seat.disabled && seat.dataset.row === from.dataset.row);
  row.sort((a, b) => places.get(a).x - places.get(b).x);
  return key === "Home" ? row[0] : row.at(-1);
}

function rove(to) {
  for (const seat of seats) seat.tabIndex = seat === to ? 0 : -1;
}

function roveSomewhere() {
  if (!seats.some((seat) => seat.tabIndex === 0 && !seat.disabled)) rove(chosen()[0] || seats.find((seat) => !seat.disabled));
}

plan.addEventListener("keydown", (event) => {
  const seat = event.target;
  if (event.key === "Enter") {
    event.preventDefault();
    seat.click();
    return;
  }
  const next = event.key in AHEAD ? nearest(seat, event.key) : event.key === "Home" || event.key === "End" ? ends(seat, event.key) : null;
  if (!next) return;
  event.preventDefault();
  rove(next);
  next.focus();
  next.scrollIntoView({ block: "nearest", inline: "nearest" });
});
plan.addEventListener("focusin", (event) => rove(event.target));
plan.addEventListener("change", (event) => toggled(event.target));
for (const name of ["focusin", "pointerover"]) {
  plan.addEventListener(name, (event) => event.target.matches(".seat") && (hint.textContent = event.target.title));
}

// ---- fresh states

function apply({ id, state, zone }) {
  const seat = byId.get(id);
  if (!seat) return;
  if (zone) seat.dataset.zone = zone;
  const isFree = state === "free" && hall.on_sale && typesOf(seat).length > 0;
  if (isFree !== seat.disabled) return;
  if (!isFree && seat.checked) {
    const hadFocus = document.activeElement === seat;
    seat.checked = false;
    toggled(seat);
    seat.classList.add("is-lost");
    said.textContent = fill(hall.t.said_lost, { seat: seat.dataset.name });
    if (hadFocus) (nearest(seat, "ArrowRight") || nearest(seat, "ArrowLeft"))?.focus();
  }
  seat.disabled = !isFree;
  describe(seat);
}

function blockUnlisted(listed) {
  const known = new Set(listed.map((seat) => seat.id));
  for (const seat of seats) if (!known.has(seat.value)) apply({ id: seat.value, state: "blocked" });
}

async function refresh() {
  try {
    if (!document.hidden) {
      const address = `/performances/${encodeURIComponent(hall.performance)}/seats.json?since=${encodeURIComponent(hall.version)}`;
      const answer = await fetch(address, { cache: "no-store" });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const news = await answer.json();
      hall.version = news.version;
      news.seats.forEach(apply);
      if (news.full) blockUnlisted(news.seats);
      roveSomewhere();
      document.getElementById("stale").hidden = true;
    }
  } catch (error) {
    console.warn("seat map", error);
    document.getElementById("stale").hidden = false;
  }
  setTimeout(refresh, hall.refresh_ms);
}

const scroller = plan.parentElement;
scroller.scrollLeft = (scroller.scrollWidth - scroller.clientWidth) / 2;

// A page taken back from the browser's history keeps its ticks; the list must agree with them.
list.replaceChildren(...chosen().map(line));
showTotal();
seats.forEach((seat) => (seat.tabIndex = -1));
roveSomewhere();
setTimeout(refresh, hall.refresh_ms);
