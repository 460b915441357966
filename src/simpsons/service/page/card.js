// One picture on the page: itself, everyone in it, what each network says, and where it looked.

import { Faces } from "./faces.js";

const templates = {
  card: document.querySelector("#card"),
  panel: document.querySelector("#panel"),
};

export class Card {
  // page: names(label), what people call it; remove(card), for a card that the user wants gone;
  // say(text), for those who hear the page; explain(crop, own), where each network looked in a face;
  // opened(card), for a tile that has become a card. own: the one network that is asked about this
  // picture, null for those that the page asks else.
  constructor(file, page, own) {
    this.file = file;
    this.page = page;
    this.own = own;
    this.answers = new Map(); // by network
    this.error = null;
    this.panels = [];
    this.networks = []; // whose answers are shown
    this.chosen = null; // the number of a face, from left to right
    this.isTile = false;
    this.isOpen = true;
    this.url = URL.createObjectURL(file);
    this.element = instance(templates.card);
    for (const name of this.element.querySelectorAll(".file, .name")) name.textContent = file.name;
    this.find(".tile").addEventListener("click", () => this.open(!this.isOpen));
    const button = this.find(".remove");
    button.setAttribute("aria-label", `Remove ${file.name}`);
    button.addEventListener("click", () => page.remove(this));
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      if (this.chosen !== null) this.leave(event.target);
      else if (this.isTile && this.isOpen) this.close();
    });
  }

  find(selector) {
    return this.element.querySelector(selector);
  }

  // Take an entry of the service's `pictures`, of /predict or of /detect.
  take(network, entry) {
    if ("error" in entry) return this.fail(entry.error);
    const faces = entry.faces?.sort((one, other) => middle(one) - middle(other));
    const known = this.answers.get(network);
    this.answers.set(network, { ...known, ...entry, faces: faces ?? known?.faces });
  }

  fail(message) {
    this.error = message;
    this.find(".said").textContent = "Failed";
    this.element.classList.add("failed");
    this.find(".error").textContent = message;
    this.find(".error").hidden = false;
    this.find(".waiting").hidden = true;
  }

  // Those that answer for this picture where these networks are chosen.
  among(networks) {
    return this.own ? [this.own] : networks;
  }

  // Whether the service has not been asked yet where it looked.
  lacksHeat() {
    return !this.error && [...this.answers.values()].some((answer) => !answer.heat_map);
  }

  // Be a tile, of which there is room for many, or a card alone.
  shrink(isTile) {
    if (this.isTile === isTile) return;
    this.isTile = isTile;
    const tile = this.find(".tile");
    tile.hidden = !isTile;
    if (isTile && !this.find(".thumb").src) {
      this.find(".thumb").addEventListener("error", (event) => (event.target.hidden = true));
      this.find(".thumb").src = this.url;
    }
    this.element.classList.toggle("tiled", isTile);
    this.open(!isTile);
  }

  open(isOpen) {
    this.isOpen = isOpen;
    this.find(".tile").setAttribute("aria-expanded", isOpen);
    this.find(".opened").hidden = !isOpen;
    this.element.classList.toggle("open", isOpen);
    this.show(this.networks);
    if (isOpen) this.page.opened(this);
  }

  close() {
    this.open(false);
    this.find(".tile").focus();
  }

  // Show what these networks say, or its own.
  show(chosen) {
    const networks = this.among(chosen);
    this.networks = networks;
    if (this.error || this.answers.size === 0) return;
    this.find(".waiting").hidden = true;
    const said = [...new Set(networks.map((network) => capital(this.verdict(network))))];
    this.find(".said").textContent = said.join(" / ");
    if (!this.isOpen) return;
    this.panels = networks.map((network) => new Panel(this, network));
    const panels = this.find(".panels");
    panels.classList.toggle("pair", networks.length > 1);
    panels.replaceChildren(...this.panels.map((panel) => panel.element));
    this.panels.forEach((panel) => panel.choose(this.chosen));
  }

  showHeat() {
    this.panels.forEach((panel) => panel.showHeat());
  }

  // Whom the picture is counted for: everyone whom a network names, `unknown`, or `failed`.
  kinds(networks) {
    if (this.error) return new Set(["failed"]);
    const answers = this.among(networks).map((one) => this.answers.get(one)).filter(Boolean);
    return new Set(answers.flatMap((answer) => {
      const known = answer.faces.map(({ verdict }) => verdict).filter(isKnown);
      return known.length > 0 ? known : [answer.verdict];
    }));
  }

  // One answer for the picture, as `simpsons predict` gives it: that of the whole, or, where that is
  // unknown, of the surest face with a name.
  answer(network) {
    const whole = this.answers.get(network);
    if (!whole || isKnown(whole.verdict)) return whole;
    const sure = ({ probability, score }) => probability * score;
    const [surest] = whole.faces.filter(({ verdict }) => isKnown(verdict))
      .sort((one, other) => sure(other) - sure(one));
    return surest ?? whole;
  }

  // What to call those in the picture, in a few words.
  verdict(network) {
    return summary(this.answers.get(network), this.page.names);
  }

  // Show the bars and the heat map of one face, in each panel; null for none.
  async choose(number) {
    this.chosen = number;
    this.panels.forEach((panel) => panel.choose(number));
    if (number === null) return;
    const said = this.panels.map((panel) => panel.described(number));
    this.page.say(said.length > 1
      ? said.map((each, index) => `${this.panels[index].network}: ${each}`).join(". ") : said[0]);
    this.panels.at(-1).reveal();
    const faces = new Map([...this.answers].map(([network, { faces: all }]) => (
      [network, all[number]]
    )));
    const [first] = faces.values();
    if (!first.heat) {
      const heat = await this.page.explain(first.crop, this.own);
      heat?.forEach((map, network) => (faces.get(network).heat = map));
    }
    this.showHeat();
  }

  // Back to the face from what is said of it.
  leave(from) {
    const panel = this.panels.find(({ element }) => element.contains(from)) ?? this.panels[0];
    const number = this.chosen;
    this.choose(null);
    panel.faces.focus(number);
  }
}

// What one network says of the picture.
class Panel {
  constructor(card, network) {
    this.card = card;
    this.network = network;
    this.number = null; // of the chosen face
    this.element = instance(templates.panel);
    this.showPicture();
    this.showWhole();
    this.showHeat();
    this.find(".close").addEventListener("click", (event) => card.leave(event.target));
  }

  find(selector) {
    return this.element.querySelector(selector);
  }

  get answer() {
    return this.card.answers.get(this.network);
  }

  showPicture() {
    const { width, height, faces } = this.answer;
    const picture = this.find(".picture");
    this.element.style.setProperty("--width", width);
    this.element.style.setProperty("--ratio", width / height);
    for (const image of this.element.querySelectorAll(".shown, .near")) {
      image.src = this.card.url;
      image.addEventListener("error", () => (image.hidden = true)); // a format of no browser
    }
    picture.querySelector(".shown").alt = this.card.file.name;
    const layer = this.find(".faces");
    layer.setAttribute("aria-label", `Faces in ${this.card.file.name}`);
    layer.hidden = faces.length === 0;
    this.faces = new Faces(layer, this.answer, (face) => this.called(face), (number) => (
      this.card.choose(number)
    ));
  }

  showWhole() {
    const { answer, card: { page: { names } } } = this;
    const { faces, verdict } = answer;
    this.element.classList.toggle("peopled", faces.length > 0);
    this.find(".network").textContent = this.card.own
      ? `${this.network}, a network that knows these paper dolls` : this.network;
    this.find(".verdict").textContent = capital(summary(answer, names));
    this.find(".hint").textContent = hint(answer);
    this.find(".whole h5").hidden = faces.length === 0;
    const several = faces.length > 1 && verdict === "unknown";
    const whole = several
      ? `No one character; nearest is ${names(answer.label)}` : sureness(answer, names);
    this.find(".nearest").textContent = faces.length === 0 || several
      ? whole : `${capital(named(answer, names))}, ${whole}`;
    this.find(".whole .bars").replaceChildren(...bars(answer, names));
  }

  // A face on the picture: its tag, and what is read of it.
  called(face) {
    const { names } = this.card.page;
    const unknown = face.verdict === "unknown";
    const tag = named(face, names);
    return { tag, unknown, label: `${tag}, ${sureness(face, names)}` };
  }

  described(number) {
    return this.called(this.answer.faces[number]).label;
  }

  choose(number) {
    this.faces.mark(number);
    this.number = number;
    const chosen = this.find(".chosen");
    chosen.hidden = number === null;
    if (number === null) return;
    const { names } = this.card.page;
    const face = this.answer.faces[number];
    chosen.setAttribute("aria-label", this.described(number));
    this.find(".who").textContent = capital(named(face, names));
    this.find(".sure").textContent = sureness(face, names);
    this.find(".chosen .bars").replaceChildren(...bars(face, names));
    this.placeCrop(face.square);
    this.showHeat();
  }

  placeCrop([x1, y1, x2, y2]) {
    const { width, height } = this.answer;
    const [across, down] = [x2 - x1, y2 - y1];
    this.find(".crop").style.setProperty("--ratio", across / down);
    const { style } = this.find(".near");
    style.width = `${(100 * width) / across}%`;
    style.height = `${(100 * height) / down}%`;
    style.left = `${(-100 * x1) / across}%`;
    style.top = `${(-100 * y1) / down}%`;
  }

  showHeat() {
    lay(this.find(".heat"), this.answer.heat_map);
    lay(this.find(".glow"), this.answer.faces[this.number]?.heat);
  }

  reveal() {
    this.find(".chosen").scrollIntoView({ block: "nearest" });
  }
}

function isKnown(verdict) {
  return verdict !== "unknown";
}

function instance(template) {
  return template.content.cloneNode(true).firstElementChild;
}

// Everyone whom a network names, from left to right, and how many strangers; where it names nobody,
// what it says of the whole.
function summary(answer, names) {
  const known = answer.faces.filter(({ verdict }) => verdict !== "unknown");
  const strangers = answer.faces.length - known.length;
  if (known.length === 0) {
    return answer.verdict === "unknown" && strangers > 1
      ? `${strangers} unknown faces` : named(answer, names);
  }
  const times = new Map();
  for (const { verdict } of known) times.set(verdict, (times.get(verdict) ?? 0) + 1);
  const said = [...times].map(([verdict, count]) => (
    count > 1 ? `${names(verdict)} (${count} times)` : names(verdict)
  ));
  if (strangers > 0) said.push(`${strangers} unknown`);
  return said.length > 1 ? `${said.slice(0, -1).join(", ")} and ${said.at(-1)}` : said[0];
}

function hint({ faces, verdict }) {
  if (faces.length === 0) return "No face found: this is the picture as a whole.";
  if (verdict !== "unknown" && faces.every((face) => face.verdict === "unknown")) {
    return "So says the picture as a whole; by the face alone it is nobody known.";
  }
  return "Choose a face for its bars and heat map.";
}

function named({ verdict }, names) {
  return verdict === "unknown" ? "unknown" : names(verdict);
}

function sureness({ verdict, label, probability }, names) {
  return verdict === "unknown"
    ? `unlike the pictures it learnt from; nearest is ${names(label)}`
    : `${percent(probability)} sure`;
}

function bars({ top }, names) {
  return top.map(({ label, probability }) => {
    const row = document.createElement("li");
    row.style.setProperty("--share", `${100 * probability}%`);
    row.append(span(names(label)), span(percent(probability)));
    return row;
  });
}

// Show a heat map, or none yet.
function lay(image, heat) {
  if (heat) image.src = heat;
  else image.removeAttribute("src");
}

function middle({ box: [left, , right] }) {
  return left + right;
}

function capital(text) {
  return text[0].toUpperCase() + text.slice(1);
}

function span(text) {
  const element = document.createElement("span");
  element.textContent = text;
  return element;
}

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}
