// The page: takes pictures from wherever they come, asks the service, shows what it says.

import { connectCamera } from "./camera.js";
import { Card } from "./card.js";
import { Filter } from "./filter.js";
import { csv, download, sorted } from "./save.js";

const MANY = 6; // pictures; more are tiles

const find = (selector) => document.querySelector(selector);
const service = await (await fetch("service")).json();
const dolls = service.examples_by; // the network that is asked about the examples, and them alone
const others = service.networks.filter(({ name }) => name !== dolls);
const networks = others.map(({ name }) => name);
const names = new Map(
  service.networks.flatMap(({ labels }) => labels.map(({ label, name }) => [label, name])),
);
const filter = new Filter(find("#filter"), called, () => {
  showKinds();
  say(filter.said ?? counted(cards.length));
});
let cards = [];
let asking = Promise.resolve(); // one request after the other

// Pictures

function called(label) {
  return names.get(label) ?? label;
}

function add(files, own = null) {
  const page = { names: called, remove, say, explain: explainFace, opened };
  const added = files.map((file) => new Card(file, page, own));
  if (added.length === 0) return;
  cards = [...added, ...cards];
  find("#results").prepend(...added.map((card) => card.element));
  filter.reset();
  arrange();
  reveal();
  ask(added);
}

function remove(card) {
  URL.revokeObjectURL(card.url);
  const next = cards[cards.indexOf(card) + 1] ?? cards[cards.indexOf(card) - 1];
  card.element.remove();
  cards = cards.filter((other) => other !== card);
  arrange();
  say(`${card.file.name} removed`);
  if (next) next.element.querySelector(next.isTile ? ".tile" : ".remove").focus();
  else find("#pick").focus();
}

function clear() {
  cards.forEach((card) => URL.revokeObjectURL(card.url));
  find("#results").replaceChildren();
  cards = [];
  arrange();
  say("");
  find("#pick").focus();
}

// Many pictures are tiles, until none is left.
function arrange() {
  const wasMany = find("#results").classList.contains("many");
  const areMany = cards.length > MANY || (wasMany && cards.length > 0);
  find("#results").classList.toggle("many", areMany);
  cards.forEach((card) => card.shrink(areMany));
  for (const each of ["#found-title", "#saves"]) find(each).hidden = cards.length === 0;
  find("#filter").hidden = !areMany;
  showKinds();
}

function showKinds() {
  filter.update(cards, shownNetworks());
}

// On a phone the results begin below the screen.
function reveal() {
  find("#found-title").focus({ preventScroll: true });
  scroll();
}

function scroll() {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  find("#found-title").scrollIntoView({ behavior: still ? "instant" : "smooth", block: "start" });
}

function say(text) {
  find("#status").textContent = text;
}

// The service

function ask(asked) {
  asking = asking.then(() => answer(asked));
}

// Names first: where the networks looked takes them much longer.
async function answer(asked) {
  let done = 0;
  for (const batch of batches(asked)) {
    const rest = asked.length > batch.length ? `, ${done} done` : "";
    say(`Looking at ${counted(asked.length)}${rest} …`);
    if (await request(batch, { detect: { crops: true }, predict: { faces: false } })) {
      batch.forEach((card) => card.show(shownNetworks()));
    }
    done += batch.length;
    showKinds();
  }
  showKinds();
  report(asked);
  if (document.activeElement === find("#found-title")) scroll(); // the page has grown since
  if (find("#heat").checked) await explain(asked);
}

function opened(card) {
  if (card.isTile && find("#heat").checked) asking = asking.then(() => explain([card]));
}

async function explain(asked) {
  for (const batch of batches(asked.filter((card) => card.isOpen && card.lacksHeat()))) {
    say(`Finding what counted in ${counted(batch.length)} …`);
    if (await request(batch, { predict: { explain: true, faces: false } })) {
      batch.forEach((card) => card.showHeat());
    }
  }
  report(asked);
}

// Where each network looked in a face, by network; what goes wrong is said and may be asked again.
async function explainFace(crop, own) {
  const bytes = Uint8Array.from(atob(crop.split(",")[1]), (letter) => letter.charCodeAt(0));
  try {
    const query = { explain: true, faces: false };
    const results = await send("predict", [new File([bytes], "face.png")], query, own);
    return new Map(results.map(({ network, pictures: [face] }) => [network, face.heat_map]));
  } catch (error) {
    say(`No heat map: ${error.message}`);
    return null;
  }
}

// Whether the service has answered; else each card says why not.
async function request(batch, options) {
  try {
    const files = batch.map((card) => card.file);
    const [{ own }] = batch;
    const asked = Object.entries(options).map(([path, query]) => send(path, files, query, own));
    for (const { network, pictures } of (await Promise.all(asked)).flat()) {
      pictures.forEach((entry, index) => batch[index].take(network, entry));
    }
    return true;
  } catch (error) {
    batch.forEach((card) => card.fail(error.message));
    return false;
  }
}

// The service's `results`. own: the one network to ask, null for those that the page asks else.
async function send(path, files, options, own) {
  const body = new FormData();
  for (const file of files) body.append("pictures", file, file.name);
  const model = own ?? (networks.length > 1 ? "both" : networks[0]);
  const query = new URLSearchParams({ model, top: 5, ...options });
  const response = await fetch(`${path}?${query}`, { method: "POST", body }).catch(() => {
    throw new Error("The service does not answer; is it still running?");
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${answer.error}; ${answer.remedy}`);
  return answer.results;
}

// Pictures in groups that a request may have, of the same networks; one that is too large for any
// fails here.
function* batches(asked) {
  let batch = [];
  let bytes = 0;
  for (const card of asked) {
    const size = card.file.size + 1000; // with the header of its part
    if (card.file.size > service.file_bytes) {
      const limit = (service.file_bytes / 1e6).toFixed(0);
      card.fail(`${card.file.name}: is larger than ${limit} MB; make it smaller`);
      continue;
    }
    const isFull = batch.length === service.pictures || bytes + size > service.request_bytes;
    if (isFull || (batch.length > 0 && batch[0].own !== card.own)) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(card);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

function report(asked) {
  if (find("#results").classList.contains("many")) {
    say(`${counted(cards.length)}: ${filter.summary}`);
    return;
  }
  const read = asked.filter((card) => !card.error);
  const shown = new Set(read.flatMap((card) => card.among(shownNetworks())));
  const said = [...shown].map((network) => {
    const named = read.filter((card) => card.among(shownNetworks()).includes(network));
    const verdicts = named.map((card) => card.verdict(network)).join("; ");
    return shown.size > 1 ? `${network}: ${verdicts}` : verdicts;
  });
  const failed = asked.length - read.length;
  if (failed > 0) said.push(`${counted(failed)} could not be read`);
  say([`${counted(asked.length)}`, ...said].join(". "));
}

function counted(number) {
  return number === 1 ? "1 picture" : `${number} pictures`;
}

// Settings

function shownNetworks() {
  const chosen = find("#networks input:checked").value;
  return chosen === "both" ? networks : [chosen];
}

function connectSettings() {
  const choices = networks.length > 1 ? [...networks, "both"] : networks;
  choices.forEach((name) => find("#networks").append(choice(name, name === service.names)));
  find("#settings").addEventListener("submit", (event) => event.preventDefault());
  find("#networks").addEventListener("change", () => {
    cards.forEach((card) => card.show(shownNetworks()));
    showKinds();
    if (cards.length > 0) report(cards);
  });
  find("#heat").addEventListener("change", () => {
    find("#results").classList.toggle("hot", find("#heat").checked);
    if (find("#heat").checked && cards.length > 0) asking = asking.then(() => explain(cards));
  });
  find("#results").classList.toggle("hot", find("#heat").checked);
  find("#clear").addEventListener("click", clear);
  find("#csv").addEventListener("click", () => download(csv(cards, shownNetworks()), "simpsons.csv"));
  find("#zip").addEventListener("click", saveSorted);
}

async function saveSorted() {
  const [network] = shownNetworks();
  say(`Packing ${counted(cards.length)} …`);
  const made = await sorted(cards, network).catch(() => null);
  if (!made) {
    say("They can't be packed; use `simpsons predict FOLDER --sort-into SORTED`");
    return;
  }
  download(made.blob, "sorted.zip");
  const rest = cards.length - made.pictures;
  const folders = made.folders === 1 ? "1 folder" : `${made.folders} folders`;
  const left = rest > 0 ? `; ${counted(rest)} without an answer left out` : "";
  say(`sorted.zip: ${counted(made.pictures)} in ${folders}, by ${network}${left}`);
}

function choice(name, checked) {
  const label = document.createElement("label");
  label.className = "choice";
  const input = Object.assign(document.createElement("input"), {
    type: "radio", name: "network", value: name, checked,
  });
  const text = document.createElement("span");
  text.textContent = name === "both" ? "side by side" : name;
  label.append(input, text);
  return label;
}

// Picking, dropping, pasting, the camera

function connectWaysIn() {
  const pick = find("#pick");
  pick.addEventListener("change", () => {
    add([...pick.files]);
    pick.value = "";
  });
  document.addEventListener("paste", (event) => add([...event.clipboardData.files]));
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    find("#drop").classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) find("#drop").classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    find("#drop").classList.remove("over");
    add([...event.dataTransfer.files]);
  });
  connectCamera(add);
}

function connectExamples() {
  service.examples.forEach((name, number) => {
    const url = `examples/${number}.jpg`;
    const button = Object.assign(document.createElement("button"), { type: "button" });
    const image = Object.assign(document.createElement("img"), { src: url, alt: name });
    button.append(image);
    button.addEventListener("click", async () => {
      const blob = await (await fetch(url)).blob();
      add([new File([blob], `${name}.jpg`, { type: blob.type })], dolls);
    });
    const item = document.createElement("li");
    item.append(button);
    find("#examples").append(item);
  });
}

const known = new Set(others.flatMap(({ labels }) => labels.map(({ label }) => label)));
if (!known.has("homer_simpson") || known.size !== 18) {
  find("#known").textContent = `${known.size} characters`;
}
find("#origin").textContent = new URL(".", location).href.replace(/\/$/, "");
connectSettings();
connectWaysIn();
connectExamples();
