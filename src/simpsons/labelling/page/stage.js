// The faces that an answer is asked for; struck ones are left out of it.

import { rove } from "./keys.js";

const SHOWN = 120; // faces; the others when they are asked for

export class Stage {
  // grid, all: elements. page: { crop(row), place(row), changed(), closer(row), dragged(row) }.
  constructor(grid, all, page) {
    this.grid = grid;
    this.all = all;
    this.page = page;
    this.rows = [];
    this.struck = new Set();
    this.boxes = new Map();
    rove(grid, () => [...grid.querySelectorAll("input")]);
    all.addEventListener("click", () => this.fill(this.rows.length, true));
    grid.addEventListener("change", ({ target }) => this.strike(Number(target.dataset.row), !target.checked));
    grid.addEventListener("contextmenu", (event) => {
      const face = event.target.closest(".one");
      if (!face) return;
      event.preventDefault();
      page.closer(Number(face.dataset.row));
    });
    grid.addEventListener("dragstart", (event) => {
      const face = event.target.closest(".one");
      if (face) page.dragged(event.dataTransfer, Number(face.dataset.row));
    });
  }

  show(rows) {
    this.rows = [...rows];
    this.struck = new Set();
    this.boxes = new Map();
    this.grid.replaceChildren();
    this.fill(SHOWN);
  }

  // Show so many faces at least.
  fill(count, toNew = false) {
    const first = this.boxes.size;
    const added = this.rows.slice(first, count).map((row, index) => this.face(row, first + index));
    this.grid.append(...added);
    const rest = this.rows.length - this.boxes.size;
    this.all.hidden = rest === 0;
    this.all.textContent = rest === 1 ? "Show the other one" : `Show the other ${rest}`;
    this.settle();
    if (toNew) added[0]?.querySelector("input").focus();
  }

  get kept() {
    return this.rows.filter((row) => !this.struck.has(row));
  }

  get struckRows() {
    return this.rows.filter((row) => this.struck.has(row));
  }

  // The face in focus, or the one that was last.
  get current() {
    const box = this.grid.querySelector("input[tabindex='0']");
    return box ? Number(box.dataset.row) : null;
  }

  get isFocused() {
    return this.grid.contains(document.activeElement);
  }

  strike(row, isStruck = !this.struck.has(row)) {
    if (isStruck) this.struck.add(row);
    else this.struck.delete(row);
    const box = this.boxes.get(row);
    if (box) box.checked = !isStruck;
    this.page.changed();
  }

  invert() {
    this.struck = new Set(this.kept);
    this.boxes.forEach((box, row) => (box.checked = !this.struck.has(row)));
    this.page.changed();
  }

  // Take faces off that have an answer now.
  remove(rows) {
    const gone = new Set(rows);
    const at = this.rows.indexOf(this.current);
    const wasFocused = this.isFocused;
    this.rows = this.rows.filter((row) => !gone.has(row));
    for (const row of gone) {
      this.struck.delete(row);
      this.boxes.get(row)?.parentElement.remove();
      this.boxes.delete(row);
    }
    this.fill(Math.min(this.rows.length, Math.max(this.boxes.size, SHOWN)));
    if (wasFocused && !this.isFocused) this.focus(this.rows[Math.min(at, this.rows.length - 1)]);
    this.page.changed();
  }

  focus(row = this.rows[0]) {
    this.boxes.get(row)?.focus();
  }

  // One face is in the order of Tab.
  settle() {
    const boxes = [...this.boxes.values()];
    if (!boxes.some((box) => box.tabIndex === 0) && boxes[0]) boxes[0].tabIndex = 0;
  }

  face(row, number) {
    const face = document.createElement("label");
    face.className = "one";
    face.draggable = true;
    face.dataset.row = row;
    const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: true, tabIndex: -1 });
    box.dataset.row = row;
    const picture = Object.assign(document.createElement("img"), {
      src: this.page.crop(row), alt: `Face ${number + 1}, ${this.page.place(row)}`,
      loading: "lazy", decoding: "async", draggable: false,
    });
    face.append(box, picture);
    this.boxes.set(row, box);
    return face;
  }
}
