// The page: takes pictures from wherever they come, asks the service, shows what it says.

import { connectCamera } from "/camera.js";
import { Card } from "/card.js";

const find = (selector) => document.querySelector(selector);
const service = await (await fetch("/service")).json();
const networks = service.networks.map((network) => network.name);
const names = new Map(
  service.networks.flatMap(({ labels }) => labels.map(({ label, name }) => [label, name])),
);
let cards = [];
let asking = Promise.resolve(); // one request after the other

// Pictures

function add(files) {
  const added = files.map((file) => new Card(file, (label) => names.get(label) ?? label, remove));
  if (added.length === 0) return;
  cards = [...added, ...cards];
  find("#results").prepend(...added.map((card) => card.element));
  find("#clear").hidden = false;
  ask(added);
}

function remove(card) {
  URL.revokeObjectURL(card.url);
  card.element.remove();
  cards = cards.filter((other) => other !== card);
  find("#clear").hidden = cards.length === 0;
  find("#status").textContent = `${card.file.name} removed`;
}

// The service

function ask(asked) {
  asking = asking.then(() => answer(asked));
}

// Names first: where the networks looked takes them much longer.
async function answer(asked) {
  for (const batch of batches(asked)) await request(batch, false);
  report(asked);
  if (find("#heat").checked) await explain(asked);
}

async function explain(asked) {
  const lacking = asked.filter((card) => card.lacksHeat());
  for (const batch of batches(lacking)) await request(batch, true);
  report(asked);
}

async function request(batch, heat) {
  const body = new FormData();
  for (const { file } of batch) body.append("pictures", file, file.name);
  const model = networks.length > 1 ? "both" : networks[0];
  const query = new URLSearchParams({ model, explain: heat, top: 5 });
  const task = heat ? "Finding what counted in" : "Looking at";
  find("#status").textContent = `${task} ${counted(batch.length)} …`;
  try {
    const response = await fetch(`/predict?${query}`, { method: "POST", body });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${answer.error}; ${answer.remedy}`);
    for (const { network, pictures } of answer.results) {
      pictures.forEach((entry, index) => batch[index].take(network, entry));
    }
  } catch (error) {
    const lost = error instanceof TypeError; // what fetch throws when nobody answers
    const message = lost ? "The service does not answer; is it still running?" : error.message;
    batch.forEach((card) => card.fail(message));
  }
  batch.forEach((card) => card.show(shownNetworks()));
}

// Pictures in groups that a request may have; one that is too large for any fails here.
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
    if (batch.length === service.pictures || bytes + size > service.request_bytes) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(card);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

function report(asked) {
  const read = asked.filter((card) => !card.error);
  const said = shownNetworks().map((network) => {
    const verdicts = read.map((card) => card.verdict(network)).join(", ");
    return shownNetworks().length > 1 ? `${network}: ${verdicts}` : verdicts;
  });
  const failed = asked.length - read.length;
  if (read.length === 0) said.length = 0;
  if (failed > 0) said.push(`${counted(failed)} could not be read`);
  find("#status").textContent = [`${counted(asked.length)}`, ...said].join(". ");
}

function counted(number) {
  return number === 1 ? "1 picture" : `${number} pictures`;
}

// Settings

function shownNetworks() {
  const chosen = find("#networks input:checked")?.value ?? networks[0];
  return chosen === "both" ? networks : [chosen];
}

function connectSettings() {
  const choices = networks.length > 1 ? [...networks, "both"] : networks;
  choices.forEach((name, index) => find("#networks").append(choice(name, index === 0)));
  find("#settings").addEventListener("submit", (event) => event.preventDefault());
  find("#networks").addEventListener("change", () => {
    cards.forEach((card) => card.show(shownNetworks()));
    if (cards.length > 0) report(cards);
  });
  find("#heat").addEventListener("change", () => {
    find("#results").classList.toggle("hot", find("#heat").checked);
    if (find("#heat").checked && cards.length > 0) asking = asking.then(() => explain(cards));
  });
  find("#results").classList.toggle("hot", find("#heat").checked);
  find("#clear").addEventListener("click", () => {
    [...cards].forEach(remove);
    find("#status").textContent = "";
    find("#pick").focus();
  });
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

// Ways in

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
    const url = `/examples/${number}.jpg`;
    const button = Object.assign(document.createElement("button"), { type: "button" });
    const image = Object.assign(document.createElement("img"), { src: url, alt: name });
    button.append(image);
    button.addEventListener("click", async () => {
      const blob = await (await fetch(url)).blob();
      add([new File([blob], `${name}.jpg`, { type: blob.type })]);
    });
    const item = document.createElement("li");
    item.append(button);
    find("#examples").append(item);
  });
}

if (!names.has("homer_simpson") || names.size !== 18) {
  find("#known").textContent = `${names.size} characters`;
}
find("#origin").textContent = location.origin;
connectSettings();
connectWaysIn();
connectExamples();
