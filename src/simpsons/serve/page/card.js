// One picture on the page: itself, what each network says of it, and where it looked.

const templates = {
  card: document.querySelector("#card"),
  panel: document.querySelector("#panel"),
};

export class Card {
  // names: what people call each label. remove: called when the user wants the card gone.
  constructor(file, names, remove) {
    this.file = file;
    this.answers = new Map(); // by network
    this.error = null;
    this.names = names;
    this.url = URL.createObjectURL(file);
    this.element = instance(templates.card);
    this.find(".file").textContent = file.name;
    const button = this.find(".remove");
    button.setAttribute("aria-label", `Remove ${file.name}`);
    button.addEventListener("click", () => remove(this));
  }

  find(selector) {
    return this.element.querySelector(selector);
  }

  // Take an entry of the service's `pictures`.
  take(network, entry) {
    if ("error" in entry) this.fail(entry.error);
    else this.answers.set(network, entry);
  }

  fail(message) {
    this.error = message;
    this.find(".error").textContent = message;
    this.find(".error").hidden = false;
    this.find(".waiting").hidden = true;
  }

  // Whether the service has not been asked yet where it looked.
  lacksHeat() {
    return !this.error && [...this.answers.values()].some((answer) => !answer.heat_map);
  }

  // Show what these networks say.
  show(networks) {
    if (this.error || this.answers.size === 0) return;
    this.find(".waiting").hidden = true;
    const panels = this.find(".panels");
    panels.classList.toggle("pair", networks.length > 1);
    panels.replaceChildren(...networks.map((network) => this.panel(network)));
  }

  verdict(network) {
    const { verdict } = this.answers.get(network);
    return verdict === "unknown" ? "unknown" : this.names(verdict);
  }

  panel(network) {
    const answer = this.answers.get(network);
    const panel = instance(templates.panel);
    const find = (selector) => panel.querySelector(selector);
    find(".shown").src = this.url;
    find(".shown").alt = this.file.name;
    find(".shown").addEventListener("error", () => (find(".picture").hidden = true));
    if (answer.heat_map) find(".heat").src = answer.heat_map;
    find(".network").textContent = network;
    const unknown = answer.verdict === "unknown";
    find(".verdict").textContent = unknown ? "Unknown" : this.names(answer.verdict);
    find(".nearest").textContent = unknown
      ? `unlike the pictures it learnt from; nearest is ${this.names(answer.label)}`
      : `${percent(answer.probability)} sure`;
    find(".bars").replaceChildren(...answer.top.map((entry) => this.bar(entry)));
    return panel;
  }

  bar({ label, probability }) {
    const row = document.createElement("li");
    row.style.setProperty("--share", `${100 * probability}%`);
    row.append(span(this.names(label)), span(percent(probability)));
    return row;
  }
}

function instance(template) {
  return template.content.cloneNode(true).firstElementChild;
}

function span(text) {
  const element = document.createElement("span");
  element.textContent = text;
  return element;
}

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}
