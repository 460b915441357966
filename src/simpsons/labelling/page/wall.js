// The wall: groups of faces that look alike, the largest first; one of them is on the stage.

import { rove } from "./keys.js";

const SHOWN = 60; // groups; more as the page is scrolled

export class Wall {
  // grid, more: elements. page: { crop(row), chosen(group) }.
  constructor(grid, more, page) {
    this.grid = grid;
    this.more = more;
    this.page = page;
    this.groups = [];
    this.current = null;
    this.count = SHOWN;
    rove(grid, () => [...grid.children]);
    more.addEventListener("click", () => this.grow());
    new IntersectionObserver(([seen]) => seen.isIntersecting && this.grow()).observe(more);
    grid.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) page.chosen(this.groups.find((group) => group.number === Number(button.dataset.number)));
    });
  }

  show(groups) {
    this.groups = groups;
    this.isBySize = groups.every((group, at) => at === 0 || group.rows.length <= groups[at - 1].rows.length);
    this.draw();
  }

  // The group of a number, else the largest; null if there is none.
  find(number) {
    return this.groups.find((group) => group.number === number) ?? this.groups[0] ?? null;
  }

  choose(group) {
    this.current = group;
    for (const button of this.grid.children) {
      button.ariaCurrent = Number(button.dataset.number) === group?.number ? "true" : null;
    }
  }

  // The group so many places behind, round and round.
  beside(step) {
    const at = this.groups.indexOf(this.current);
    return this.groups.at((at + step) % this.groups.length) ?? null;
  }

  // Take faces off that have an answer now; what is left of a group moves back, to its place by
  // size if that is the order.
  remove(rows) {
    const gone = new Set(rows);
    const others = this.groups.filter((group) => !group.rows.some((row) => gone.has(row)));
    const left = this.groups.filter((group) => !others.includes(group));
    for (const group of left) group.rows = group.rows.filter((row) => !gone.has(row));
    this.groups = [...others, ...left.filter((group) => group.rows.length > 0)];
    if (this.isBySize) this.groups.sort((one, other) => other.rows.length - one.rows.length);
    this.draw();
  }

  grow() {
    if (this.count >= this.groups.length) return;
    this.count += SHOWN;
    this.draw();
  }

  draw() {
    const kept = new Map([...this.grid.children].map((button) => [Number(button.dataset.number), button]));
    const focused = this.grid.contains(document.activeElement) ? document.activeElement : null;
    const buttons = this.groups.slice(0, this.count).map((group) => this.button(group, kept.get(group.number)));
    this.grid.replaceChildren(...buttons);
    if (focused?.isConnected) focused.focus({ preventScroll: true });
    buttons.forEach((button) => (button.tabIndex = -1));
    if (buttons[0]) (focused?.isConnected ? focused : buttons[0]).tabIndex = 0;
    this.more.hidden = this.count >= this.groups.length;
    this.choose(this.current);
  }

  button(group, old) {
    const button = old ?? document.createElement("button");
    if (!old) {
      button.type = "button";
      button.className = "group";
      button.dataset.number = group.number;
      const picture = Object.assign(document.createElement("img"), { alt: "", loading: "lazy", decoding: "async" });
      const count = Object.assign(document.createElement("span"), { className: "count" });
      button.append(picture, count);
    }
    const [picture, count] = button.children;
    const source = this.page.crop(group.rows[0]);
    if (picture.getAttribute("src") !== source) picture.src = source;
    count.textContent = group.rows.length;
    const size = group.rows.length === 1 ? "1 face" : `${group.rows.length} faces`;
    button.ariaLabel = group.suggestion ? `Group of ${size}, ${group.suggestion.name}?` : `Group of ${size}`;
    return button;
  }
}
