// Whom the pictures show, with how many each, and a choice of those to see.

const ALL = "all";

export class Filter {
  // element: the group of buttons. names(label): what people call it. changed(): called when
  // another choice is made.
  constructor(element, names, changed) {
    this.element = element;
    this.names = names;
    this.changed = changed;
    this.chosen = ALL;
    this.counts = new Map();
  }

  // Count the pictures for whom these networks see, and show those of the choice.
  update(cards, networks) {
    const kinds = new Map(cards.map((card) => [card, card.kinds(networks)]));
    this.counts = new Map();
    for (const kind of [...kinds.values()].flatMap((found) => [...found])) {
      this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    }
    if (!this.counts.has(this.chosen)) this.chosen = ALL;
    for (const card of cards) {
      card.element.hidden = this.chosen !== ALL && !kinds.get(card).has(this.chosen);
    }
    this.show(cards.length);
  }

  reset() {
    this.chosen = ALL;
  }

  // The choice in words, null for all.
  get said() {
    return this.chosen === ALL
      ? null : `${this.called(this.chosen)}: ${this.counts.get(this.chosen)}`;
  }

  // How many characters there are, and pictures without one, in words.
  get summary() {
    const [unknown, failed] = ["unknown", "failed"].map((kind) => this.counts.get(kind) ?? 0);
    const characters = this.counts.size - (unknown > 0) - (failed > 0);
    const said = [characters === 1 ? "1 character" : `${characters} characters`];
    if (unknown > 0) said.push(`${unknown} unknown`);
    if (failed > 0) said.push(`${failed} could not be read`);
    return said.join(", ");
  }

  // Characters by how many pictures they have, then the others.
  kinds() {
    const rank = { unknown: 1, failed: 2 };
    return [...this.counts.keys()].sort((one, other) => (
      (rank[one] ?? 0) - (rank[other] ?? 0) || this.counts.get(other) - this.counts.get(one)
        || this.called(one).localeCompare(this.called(other))
    ));
  }

  called(kind) {
    return { [ALL]: "All", unknown: "Unknown", failed: "Failed" }[kind] ?? this.names(kind);
  }

  show(total) {
    const focused = this.element.contains(document.activeElement)
      ? document.activeElement.dataset.kind : null;
    const buttons = [ALL, ...this.kinds()].map((kind) => (
      this.button(kind, kind === ALL ? total : this.counts.get(kind))
    ));
    this.element.replaceChildren(...buttons);
    buttons.find((button) => button.dataset.kind === focused)?.focus();
  }

  button(kind, count) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.kind = kind;
    button.setAttribute("aria-pressed", kind === this.chosen);
    const number = document.createElement("span");
    number.className = "count";
    number.textContent = count;
    button.append(`${this.called(kind)} `, number);
    button.addEventListener("click", () => {
      this.chosen = kind;
      this.changed();
    });
    return button;
  }
}
