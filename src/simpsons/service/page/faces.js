// The boxes on a picture: a button for each face, from left to right, and a tag with its name.

const GAP = 2; // pixels between a tag and what is around it

export class Faces {
  // layer: lies over the whole picture. faces: as the service gives them. width, height: of the
  // picture. say: what a face is called, { tag, label, unknown }. choose: called with a face's
  // number, or null for none.
  constructor(layer, { faces, width, height }, say, choose) {
    this.layer = layer;
    this.chosen = null;
    this.choose = choose;
    this.buttons = faces.map((face, number) => this.button(face, number, width, height, say(face)));
    layer.replaceChildren(...this.buttons);
    layer.addEventListener("keydown", (event) => this.move(event));
    new ResizeObserver(() => this.placeTags()).observe(layer);
    this.reach(0);
  }

  button({ box: [x1, y1, x2, y2] }, number, width, height, { tag, label, unknown }) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = unknown ? "face stranger" : "face";
    button.setAttribute("aria-label", label);
    const share = {
      "--x": (x1 + x2) / 2 / width, "--y": (y1 + y2) / 2 / height,
      "--w": (x2 - x1) / width, "--h": (y2 - y1) / height,
    };
    for (const [name, value] of Object.entries(share)) button.style.setProperty(name, 100 * value);
    // a small face lies above a large one around it
    button.style.zIndex = Math.round(1000 * (1 - share["--w"] * share["--h"]));
    const frame = document.createElement("span");
    frame.className = "frame";
    const name = document.createElement("span");
    name.className = "tag";
    name.textContent = tag;
    button.append(frame, name);
    button.addEventListener("click", () => {
      this.reach(number);
      this.choose(this.chosen === number ? null : number);
    });
    return button;
  }

  // Show which face is chosen, null for none.
  mark(chosen) {
    this.chosen = chosen;
    this.buttons.forEach((button, number) => (
      button.setAttribute("aria-expanded", number === chosen)
    ));
    if (chosen !== null) this.reach(chosen);
    this.placeTags();
  }

  // Only one face is a stop of the Tab key; the arrows lead to the others.
  reach(number) {
    this.buttons.forEach((button, other) => (button.tabIndex = other === number ? 0 : -1));
  }

  move(event) {
    const now = this.buttons.indexOf(document.activeElement);
    const last = this.buttons.length - 1;
    const next = {
      ArrowRight: now + 1, ArrowDown: now + 1, ArrowLeft: now - 1, ArrowUp: now - 1,
      Home: 0, End: last,
    }[event.key];
    if (next === undefined || now < 0) return;
    event.preventDefault();
    this.focus(Math.min(Math.max(next, 0), last));
  }

  focus(number) {
    this.reach(number);
    this.buttons[number].focus();
  }

  // Each tag above its frame, else below or in it, where it covers no other tag and no other face.
  // Where there is no such place it is hidden until its face is pointed at, has the focus or is
  // chosen; only a large face's tag may then cover a part of another face. Names go before
  // strangers.
  placeTags() {
    const bounds = this.layer.getBoundingClientRect();
    const rank = (button) => (button === this.buttons[this.chosen] ? 0 : 1)
      + button.classList.contains("stranger");
    const order = [...this.buttons].sort((one, other) => rank(one) - rank(other));
    const measured = order.map((button) => measure(button, bounds));
    const placed = [];
    for (const { button, tag, width, frame, around, places } of measured) {
      const free = places.filter((place) => placed.every((other) => apart(place, other)));
      const clear = free.find((place) => (
        measured.every((other) => other.button === button || apart(place, other.frame))
      ));
      const best = clear ?? (width < 4 * frame.width ? free[0] : undefined);
      button.classList.toggle("crowded", !best);
      if (best) placed.push(best);
      const { left, top } = best ?? places[0];
      tag.style.left = `${left - around.left}px`;
      tag.style.top = `${top - around.top}px`;
    }
  }
}

// A button, its frame and its tag, and where the tag may be, the best place first.
function measure(button, bounds) {
  const tag = button.querySelector(".tag");
  const frame = button.querySelector(".frame").getBoundingClientRect();
  const [width, height] = [tag.offsetWidth, tag.offsetHeight];
  const middle = (frame.left + frame.right - width) / 2;
  const left = Math.max(bounds.left, Math.min(middle, bounds.right - width));
  const tops = [frame.top - height, frame.bottom, frame.top].filter(
    (top) => top >= bounds.top && top + height <= bounds.bottom,
  );
  const places = (tops.length > 0 ? tops : [frame.top]).map(
    (top) => ({ left, top, right: left + width, bottom: top + height }),
  );
  return { button, tag, width, frame, around: button.getBoundingClientRect(), places };
}

function apart(one, other) {
  return one.right + GAP <= other.left || other.right + GAP <= one.left
    || one.bottom + GAP <= other.top || other.bottom + GAP <= one.top;
}
