"use strict";
// The page: takes pictures from wherever they come, and shows what the network says of each.

const find = (selector) => document.querySelector(selector);
const opening = openNetwork();
let cards = [];
let looking = Promise.resolve(); // at one picture after the other

class Card {
  constructor(file) {
    this.file = file;
    this.answer = null;
    this.error = null;
    this.element = find("#card").content.cloneNode(true).firstElementChild;
    this.find(".file").textContent = file.name;
    this.find(".remove").setAttribute("aria-label", `Remove ${file.name}`);
    this.find(".remove").addEventListener("click", () => remove(this));
    this.url = URL.createObjectURL(file);
  }

  find(selector) {
    return this.element.querySelector(selector);
  }

  async look() {
    try {
      const network = await opening.catch((error) => {
        throw new Error(`The network can't run here (${error.message}); use a current browser`);
      });
      this.answer = await network(await seen(this.file, FACTS.resize));
      this.show(this.answer);
    } catch (error) {
      this.error = error.message;
      this.find(".error").textContent = error.message;
      this.find(".error").hidden = false;
    }
    this.find(".waiting").hidden = true;
  }

  show({ name, probability, verdict, top }) {
    const isUnknown = verdict === "unknown";
    this.find(".verdict").textContent = isUnknown ? "Unknown" : name;
    this.find(".nearest").textContent = isUnknown
      ? `unlike the pictures it learnt from; nearest is ${name}` : `${percent(probability)} sure`;
    this.find(".bars").replaceChildren(...top.map((one) => {
      const row = document.createElement("li");
      row.style.setProperty("--share", `${100 * one.probability}%`);
      row.append(inSpan(one.name), inSpan(percent(one.probability)));
      return row;
    }));
    const image = this.find(".shown");
    image.addEventListener("load", () => {
      const { style } = this.find(".picture");
      style.setProperty("--ratio", image.naturalWidth / image.naturalHeight);
      style.setProperty("--width", image.naturalWidth);
    });
    image.alt = this.find(".verdict").textContent;
    image.src = this.url;
    this.find(".panel").hidden = false;
  }
}

function add(files) {
  const added = files.map((file) => new Card(file));
  if (added.length === 0) return;
  cards = [...added, ...cards];
  find("#results").prepend(...added.map((card) => card.element));
  arrange();
  find("#found-title").focus({ preventScroll: true });
  scrollToResults();
  looking = looking.then(() => lookAt(added));
}

async function lookAt(added) {
  for (const [number, card] of added.entries()) {
    say(`Looking at ${counted(added.length)}${number > 0 ? `, ${number} done` : ""} …`);
    await new Promise((resolve) => setTimeout(resolve)); // so that the page stays alive
    if (cards.includes(card)) await card.look();
  }
  report(added.filter((card) => cards.includes(card)));
  if (document.activeElement === find("#found-title")) scrollToResults(); // the page has grown since
}

function report(looked) {
  const failed = looked.filter((card) => card.error).length;
  const said = looked.filter((card) => card.answer).map(({ answer }) => (
    answer.verdict === "unknown" ? "unknown" : answer.name
  ));
  const parts = said.length > 0 ? [said.join("; ")] : [];
  if (failed > 0) parts.push(`${counted(failed)} could not be read`);
  say(looked.length > 0 ? [counted(looked.length), ...parts].join(". ") : "");
}

function remove(card) {
  URL.revokeObjectURL(card.url);
  const next = cards[cards.indexOf(card) + 1] ?? cards[cards.indexOf(card) - 1];
  card.element.remove();
  cards = cards.filter((other) => other !== card);
  arrange();
  say(`${card.file.name} removed`);
  (next ? next.find(".remove") : find("#pick")).focus();
}

function clear() {
  cards.forEach((card) => URL.revokeObjectURL(card.url));
  find("#results").replaceChildren();
  cards = [];
  arrange();
  say("");
  find("#pick").focus();
}

function arrange() {
  for (const each of ["#found-title", "#saves"]) find(each).hidden = cards.length === 0;
}

function scrollToResults() {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  find("#found-title").scrollIntoView({ behavior: still ? "instant" : "smooth", block: "start" });
}

function say(text) {
  find("#status").textContent = text;
}

function counted(number) {
  return number === 1 ? "1 picture" : `${number} pictures`;
}

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

function inSpan(text) {
  const element = document.createElement("span");
  element.textContent = text;
  return element;
}

function connect() {
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
  find("#clear").addEventListener("click", clear);
}

if (!FACTS.labels.includes("homer_simpson") || FACTS.labels.length !== 18) {
  find("#known").textContent = `${FACTS.labels.length} characters`;
}
find("#network").textContent = FACTS.file;
find("#licence").textContent = FACTS.data_licence ?? "not said";
connect();
opening.then(() => (document.body.dataset.ready = ""), (error) => {
  say(`The network can't run here (${error.message}); use a current browser`);
});
