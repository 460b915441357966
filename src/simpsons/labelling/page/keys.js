// The keys, what they do, and how the help lists them.

const LISTED = [
  ["1 … 9", "this name for the faces; on pages, this character"],
  ["Shift + 1 … 9", "this name for the face in focus alone"],
  ["0, F, L", "nobody, no face, later"],
  ["N", "type a name"],
  ["Enter", "what the coloured button says"],
  ["Arrows", "from face to face"],
  ["Space, X", "strike the face in focus, or take it back in"],
  ["I", "invert: what is struck is in, and the other way round"],
  ["V", "look closer: the whole frame"],
  ["J, K", "next and previous group, without an answer"],
  ["U, R", "undo and redo; Ctrl + Z too"],
  ["W, P, D", "wall, pages, doubtful names"],
  ["?", "this help"],
];

const COMMANDS = {
  f: "noFace", l: "later", n: "type", i: "invert", v: "look", j: "next", k: "previous",
  u: "undo", r: "redo", w: "wall", p: "pages", d: "doubtful", x: "strike", "?": "help", 0: "nobody",
};

// Call `run(command, number)` for keys that are pressed anywhere but where text is typed.
// isOn(): whether single letters do something at all.
export function listen(run, isOn) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.altKey) return;
    if (document.querySelector("dialog[open]")) return;
    const command = found(event, isOn());
    if (!command) return;
    event.preventDefault();
    run(...command);
  });
}

function found(event, letters) {
  const { key, target } = event;
  const types = target.matches("input:not([type=checkbox]), textarea");
  if (event.ctrlKey || event.metaKey) {
    if (key.toLowerCase() !== "z" || types) return null;
    return [event.shiftKey ? "redo" : "undo"];
  }
  if (types) return null;
  if (key === "Enter") return target.matches("button, a, summary") ? null : ["main"];
  if (!letters) return null;
  const digit = /^Digit([1-9])$/.exec(event.code)?.[1] ?? /^[1-9]$/.exec(key)?.[0];
  if (digit) return [event.shiftKey ? "nameOne" : "name", Number(digit)];
  const command = COMMANDS[key] ?? COMMANDS[key.toLowerCase()];
  return command ? [command] : null;
}

export function list(table) {
  table.replaceChildren(...LISTED.map(([keys, meaning]) => {
    const row = document.createElement("tr");
    const head = Object.assign(document.createElement("th"), { scope: "row" });
    for (const key of keys.split(/(, | … | \+ )/)) {
      const isKey = /[^\s,…+]/.test(key);
      head.append(isKey ? Object.assign(document.createElement("kbd"), { textContent: key }) : key);
    }
    const cell = Object.assign(document.createElement("td"), { textContent: meaning });
    row.append(head, cell);
    return row;
  }));
}

// One of the elements in a grid is in the order of Tab; arrows go to the others.
// items(): all of them, as they stand.
export function rove(grid, items) {
  grid.addEventListener("keydown", (event) => {
    const all = items();
    const at = all.indexOf(event.target);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const to = { Home: 0, End: all.length - 1, ArrowRight: at + 1, ArrowLeft: at - 1 }[event.key]
      ?? beside(all, at, event.key);
    if (to === undefined) return;
    event.preventDefault();
    all[to]?.focus();
  });
  grid.addEventListener("focusin", (event) => {
    const all = items();
    if (all.includes(event.target)) all.forEach((item) => (item.tabIndex = item === event.target ? 0 : -1));
  });
}

// The element above or below: the next in that direction whose middle is in the same column.
function beside(all, at, key) {
  if (key !== "ArrowUp" && key !== "ArrowDown") return undefined;
  const step = key === "ArrowDown" ? 1 : -1;
  const place = all[at].getBoundingClientRect();
  for (let to = at + step; to >= 0 && to < all.length; to += step) {
    const other = all[to].getBoundingClientRect();
    if (Math.abs(other.left - place.left) < 4 && other.top !== place.top) return to;
  }
  return at;
}
