// The status page: asks the server for the state of the cameras once a second and writes it into cards.
// Whatever the server says is written as text, never as markup.

const EVERY = 1000; // ms between two questions
const PATIENCE = 4000; // ms that an answer may take
const GONE = 3000; // ms without an answer after which the server counts as gone
const OLD = 5; // seconds after which a picture counts as old

const page = Object.fromEntries(
  ["summary", "alarm", "notice", "pause", "spoken", "version", "card"].map((id) => [id, document.getElementById(id)]),
);
const list = document.querySelector(".cards");
const empty = document.querySelector("p.empty");
const cards = new Map(); // camera's name → its card
const filled = new WeakMap(); // element → what it was filled with
const still = matchMedia("(prefers-reduced-motion: reduce)");

let answer = null; // the server's last one
let answered = Date.now(); // when it came
let gone = false;
let paused = still.matches;
let version = null;
let drawn = false; // whether anything was shown before: the first look is not spoken

// ---- asking

async function ask() {
  try {
    const response = await fetch("state", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    if (response.status === 401) return location.assign("login");
    if (!response.ok) throw new Error(response.statusText);
    const said = await response.json();
    version ??= said.version;
    if (said.version !== version) return location.reload(); // another redact answers: this page may not fit it
    answer = said;
    answered = Date.now();
  } catch {
    // nothing to do: tick() sees that no answer has come
  }
  tick();
  setTimeout(ask, EVERY);
}

function tick() {
  const before = gone;
  gone = Date.now() - answered > GONE;
  if (answer) draw();
  if (before && !gone) page.spoken.textContent = "redact answers again.";
  drawAlarm();
}

/** Seconds since the epoch by the server's clock: this machine's may be wrong. */
function now() {
  return answer.now + Math.max(0, Date.now() - answered) / 1000;
}

// ---- words

const TONES = { live: "good", covered: "warn", lost: "bad", starting: "wait", stopped: "off" };
const WORDS = { live: "Live", covered: "Covered whole", lost: "Lost", starting: "Starting", stopped: "Stopped" };

/** How a camera does: a tone for colour and icon, a word, a sentence. */
function told(camera) {
  const word = WORDS[camera.state] ?? "Unknown";
  const reason = asSentence(camera.reason);
  if (camera.state === "live") {
    const closed = camera.outputs.filter((output) => !output.open).length;
    if (camera.well) return { tone: "good", word, sentence: "Covered pictures go out." };
    return { tone: "warn", word, sentence: `${count(closed, "output takes", "outputs take")} no pictures.` };
  }
  if (camera.state === "covered" && camera.well) return { tone: "covered", word, sentence: reason };
  return { tone: TONES[camera.state] ?? "bad", word, sentence: reason };
}

function asSentence(text) {
  if (!text) return "";
  const first = text.slice(0, 1).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(first) ? first : `${first}.`;
}

function lower(text) {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}

function count(number, one, many) {
  return `${number} ${number === 1 ? one : many}`;
}

function duration(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s}\u00a0s`;
  if (s < 3600) return `${Math.floor(s / 60)}\u00a0min`;
  if (s < 86400) return `${Math.floor(s / 3600)}\u00a0h ${Math.floor((s % 3600) / 60)}\u00a0min`;
  return `${Math.floor(s / 86400)}\u00a0d ${Math.floor((s % 86400) / 3600)}\u00a0h`;
}

/** A delay: tenths matter below a minute only. */
function seconds(delay) {
  return delay < 60 ? `${delay.toFixed(1)}\u00a0s` : duration(delay);
}

/** A moment as a clock on the wall shows it, with the day where that is not today. */
function clock(epoch) {
  const moment = new Date(epoch * 1000);
  const time = moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const today = new Date(now() * 1000).toDateString() === moment.toDateString();
  return today ? time : `${moment.toLocaleDateString([], { day: "numeric", month: "short" })}, ${time}`;
}

function bytes(number) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let step = 0;
  while (number >= 1000 && step < units.length - 1) [number, step] = [number / 1000, step + 1];
  return `${step ? number.toPrecision(3) : number} ${units[step]}`;
}

/** A name inside a sentence: its writing direction stays its own. */
function apart(name) {
  return `\u2068${name}\u2069`;
}

// ---- writing

/** Sets a text only where it changed: what a screen reader stands on must not be pulled away. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function mark(element, tone) {
  if (element.dataset.tone === tone) return;
  element.dataset.tone = tone;
  element.querySelector("use")?.setAttribute("href", `#icon-${tone}`);
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

function element(tag, ...content) {
  const made = document.createElement(tag);
  made.append(...content);
  return made;
}

/** Makes the children of a list anew, but only where what they say has changed. */
function fill(parent, said, make) {
  const key = JSON.stringify(said);
  if (filled.get(parent) === key) return;
  filled.set(parent, key);
  parent.replaceChildren(...said.map(make));
}

function draw() {
  const names = new Set(answer.cameras.map((camera) => camera.name));
  for (const [name, card] of cards) {
    if (names.has(name)) continue;
    seen.unobserve(card.article);
    card.item.remove();
    cards.delete(name);
  }
  const changes = [];
  answer.cameras.forEach((camera, place) => {
    const card = cards.get(camera.name) ?? newCard(camera.name);
    if (list.children[place] !== card.item) list.insertBefore(card.item, list.children[place] ?? null);
    const change = drawCard(card, camera);
    if (change) changes.push(change);
  });
  list.dataset.count = answer.cameras.length;
  empty.hidden = answer.cameras.length > 0;
  page.pause.hidden = answer.cameras.length === 0;
  if (changes.length) page.spoken.textContent = changes.join(" ");
  drawn = true;
  drawSummary();
  write(page.version, answer.version);
  page.notice.hidden = !answer.config_fault;
  page.notice.dataset.tone = "warn";
  fill(page.notice, answer.config_fault ? [answer.config_fault] : [], (fault) =>
    element("span", element("strong", "The configuration on disk was refused; the one before it goes on. "), fault),
  );
}

function drawSummary() {
  const all = answer.cameras.length;
  const bad = answer.cameras.filter((camera) => !camera.well && camera.state !== "starting");
  const starting = answer.cameras.filter((camera) => camera.state === "starting").length;
  const worst = bad.some((camera) => told(camera).tone === "bad") ? "bad" : "warn";
  const tone = gone || !all ? "wait" : bad.length ? worst : starting ? "wait" : "good";
  let text = all === 1 ? "The camera is well" : `All ${all} cameras are well`;
  if (!all) text = "No cameras";
  else if (bad.length) text = all === 1 ? "The camera needs a look" : `${bad.length} of ${all} cameras ${bad.length === 1 ? "needs" : "need"} a look`;
  else if (starting) text = starting === all ? `${count(all, "camera is", "cameras are")} starting` : `${starting} of ${all} cameras ${starting === 1 ? "is" : "are"} starting`;
  mark(page.summary, tone);
  document.title = `${gone ? "No answer" : text} · redact`;
  const names = all > 1 ? bad.map((camera) => camera.name) : [];
  const line = page.summary.querySelector("span");
  fill(line, [[gone ? `Last known: ${lower(text)}` : text, names]], ([said]) =>
    element("span", said, names.length ? ":" : "", element("ul", ...names.map((name) => element("li", link(name), " ")))),
  );
}

function link(name) {
  const made = element("a", element("bdi", name));
  made.href = `#${cards.get(name).article.id}`;
  return made;
}

function drawAlarm() {
  document.body.toggleAttribute("data-gone", gone);
  let text = "";
  if (gone && answer) text = `redact does not answer since ${clock(answer.now)}. What you see is from then.`;
  else if (gone) text = "redact does not answer.";
  else if (answer && !answer.alive) text = "The supervisor does not go on: what you see may be old.";
  fill(page.alarm, text ? [text] : [], () => {
    const line = element("p", icon("bad"), element("span", text));
    line.dataset.tone = "bad";
    return line;
  });
}

let made = 0;

function newCard(name) {
  const item = page.card.content.firstElementChild.cloneNode(true);
  const find = (selector) => item.querySelector(selector);
  const article = find("article");
  const card = { name, item, article, find, canvas: find("canvas"), image: new Image() };
  Object.assign(card, { showing: null, loading: null, failed: null, visible: true, said: null });
  made += 1;
  article.id = `camera-${made}`;
  find("h3").id = `camera-${made}-name`;
  article.setAttribute("aria-labelledby", find("h3").id);
  find("bdi").textContent = name;
  card.image.addEventListener("load", () => {
    // drawn, not shown as it is: an image whose address changes is blank for a moment
    [card.canvas.width, card.canvas.height] = [card.image.naturalWidth, card.image.naturalHeight];
    card.canvas.getContext("2d").drawImage(card.image, 0, 0);
    [card.showing, card.loading] = [card.loading, null];
    drawPicture(card);
  });
  card.image.addEventListener("error", () => {
    [card.failed, card.loading] = [card.loading, null]; // and not asked for again
    drawPicture(card);
  });
  cards.set(name, card);
  seen.observe(article);
  return card;
}

/** Writes a camera into its card; returns what is to be spoken of it, or nothing. */
function drawCard(card, camera) {
  const { find } = card;
  const { tone, word, sentence } = told(camera);
  card.camera = camera;
  mark(card.article, tone);
  find(".state use").setAttribute("href", `#icon-${tone}`);
  write(find(".state span"), gone ? `Was ${lower(word)}` : word);
  write(find(".sentence"), gone ? `Nothing is known since ${clock(answer.now)}.` : sentence);
  write(find(".since"), camera.since && !gone ? `For ${duration(now() - camera.since)}, since ${clock(camera.since)}` : "");
  const live = !gone && (camera.state === "live" || camera.state === "covered");
  write(find("[data-fact=age]"), gone || camera.age == null ? "–" : seconds(camera.age));
  write(find("[data-fact=rate]"), live && camera.rate ? camera.rate.toFixed(1) : "–");
  write(find("[data-fact=level]"), !live ? "–" : camera.level ? `Cut back (${camera.level})` : "Full");
  write(find("[data-fact=restarts]"), String(camera.restarts));
  drawOutputs(find(".outputs"), camera.outputs);
  const fault = find(".fault");
  fault.hidden = !camera.fault;
  if (camera.fault) {
    write(fault.querySelector("time"), camera.fault_at ? `${clock(camera.fault_at)}, ${duration(now() - camera.fault_at)} ago: ` : "");
    write(fault.querySelector("bdi"), asSentence(camera.fault));
  }
  fill(find(".numbers"), numbers(camera), ([name, value]) => element("div", element("dt", name), element("dd", value)));
  drawPicture(card);

  const before = card.said;
  card.said = `${camera.state} ${tone}`;
  if (before === null ? !drawn : before === card.said) return "";
  return `${apart(card.name)}: ${word}. ${sentence}`;
}

function drawOutputs(section, outputs) {
  section.hidden = outputs.length === 0;
  fill(section.querySelector("ul"), outputs.map((output) => ({ ...output, gone })), (output) => {
    const tone = output.open ? "good" : "bad";
    const state = output.open ? (gone ? "took pictures" : "takes pictures") : output.fault || "takes no pictures";
    const line = element("li", icon(tone), element("p", element("bdi", output.name), " ", element("span", state)));
    line.dataset.tone = tone;
    return line;
  });
}

function numbers(camera) {
  const rows = [["Source", camera.source]];
  if (camera.width) rows.push(["Picture", `${camera.width} × ${camera.height}`]);
  if (camera.frames) {
    rows.push(["Frames in", camera.frames.in.toLocaleString()], ["Frames out", camera.frames.out.toLocaleString()]);
    rows.push(["Dropped", camera.frames.dropped.toLocaleString()], ["Slates", camera.frames.slates.toLocaleString()]);
    for (const [reason, frames] of Object.entries(camera.whole)) rows.push([`Covered whole: ${reason}`, frames.toLocaleString()]);
    for (const [kind, found] of Object.entries(camera.found)) rows.push([`Found: ${kind}`, found.toLocaleString()]);
    rows.push(["Stored", bytes(camera.stored)]);
  }
  if (camera.memory) rows.push(["Memory", bytes(camera.memory)]);
  return rows;
}

// ---- pictures

const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    for (const card of cards.values()) if (card.article === target) card.visible = isIntersecting;
  }
});

function drawPicture(card) {
  const { find, image, canvas, camera } = card;
  const latest = camera.preview?.taken ?? null;
  const wanted = latest !== null && latest !== card.showing && latest !== card.failed && !card.loading && !gone;
  const allowed = card.showing === null || (!paused && card.visible && !document.hidden);
  if (wanted && allowed) {
    card.loading = latest;
    image.src = `cameras/${encodeURIComponent(card.name)}/preview.jpg?taken=${latest}`;
  }
  const shows = card.showing !== null;
  const age = shows ? now() - card.showing : 0;
  // a paused picture is a still on purpose, and old only where there is no newer one
  const old = shows && (gone || latest === null || now() - (paused ? latest : card.showing) > OLD);
  canvas.hidden = !shows;
  find(".blank").hidden = shows;
  find(".picture").toggleAttribute("data-old", old);
  const alt = old ? `Old picture of ${card.name}` : `Covered picture of ${card.name}`;
  if (canvas.getAttribute("aria-label") !== alt) canvas.setAttribute("aria-label", alt);
  const stamp = find(".stamp");
  stamp.hidden = !shows || (!old && !paused);
  if (stamp.hidden) return;
  const what = paused && !gone && latest !== card.showing ? "Paused. Picture" : "Old picture,";
  write(stamp, `${what} from ${clock(card.showing)}, ${duration(age)} ago`);
}

function setPaused(value) {
  paused = value;
  write(page.pause.querySelector("span"), paused ? "Play pictures" : "Pause pictures");
  page.pause.querySelector("use").setAttribute("href", paused ? "#icon-play" : "#icon-pause");
  if (answer) draw();
}

page.pause.addEventListener("click", () => setPaused(!paused));
still.addEventListener("change", () => setPaused(still.matches));
setPaused(paused);
ask();
setInterval(tick, EVERY);
