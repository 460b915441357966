// The page: groups, pages and doubtful names on one stage, and the answers to them.

import { list, listen } from "./keys.js";
import { ask, tell } from "./service.js";
import { Stage } from "./stage.js";
import { Wall } from "./wall.js";

const POLL = 2500; // milliseconds, in which answers of others are seen

const find = (selector) => document.querySelector(selector);
const project = await ask("project");
const { nobody: NOBODY, noFace: NO_FACE, later: LATER } = project.special;
const SPECIAL = [[NOBODY, "nobody", "0"], [NO_FACE, "no face", "F"], [LATER, "later", "L"]];
const places = placed();

const stage = new Stage(find("#faces"), find("#all"), { crop, place, changed: arrange, closer, dragged });
const wall = new Wall(find("#groups"), find("#more"), { crop, chosen: (group) => openGroup(group, true) });
let state = await ask("state");
let view = { kind: "wall" };
let busy = 0; // works that are not done yet
let turn = Promise.resolve();
const done = new Set(); // characters whose pages are not worth the time any more

// Faces

// Of each row the film and the second.
function placed() {
  const films = project.films.flatMap(([film, count]) => Array(count).fill(film));
  return project.times.map((time, row) => `${films[row]} at ${clock(time)}`);
}

function clock(seconds) {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = parts[0] > 0 ? parts : parts.slice(1);
  return shown.map((part, index) => (index > 0 ? String(part).padStart(2, "0") : part)).join(":");
}

function crop(row) {
  return `crops/${project.project}/${row}.jpg`;
}

function place(row) {
  return places[row];
}

function counted(number, what = "face") {
  return number === 1 ? `1 ${what}` : `${number.toLocaleString("en")} ${what}s`;
}

// Views

function go(kind, options = {}) {
  view = { kind, ...options };
  return refresh();
}

// Ask for what the view shows, and show it.
function refresh() {
  return during(async () => {
    if (view.kind === "wall" || view.kind === "later") await openWall();
    else if (view.kind === "pages") await openPage();
    else await openDoubts();
    remember();
  });
}

async function openWall() {
  const said = await ask("clusters", { later: view.kind === "later" });
  take(said.state);
  wall.show(said.clusters);
  openGroup(view.row === undefined ? wall.find(view.number)
    : wall.groups.find((group) => group.rows.includes(view.row)) ?? wall.find());
}

function openGroup(group, isChosen = false) {
  wall.choose(group);
  view = { kind: view.kind, number: group?.number, suggestion: group?.suggestion };
  const rows = group?.rows ?? [];
  const small = rows.length > 0 && rows.length < 5 && view.kind === "wall" && state.characters.length > 0;
  show(rows, {
    title: group ? (rows.length === 1 ? "1 face" : `${counted(rows.length)} that look alike`) : nothing(),
    hint: small ? "Only small groups are left: pages (P) are faster now." : asking(group),
  });
  if (isChosen) focusTitle();
  remember();
}

function asking(group) {
  if (!group) return state.faces > 0 && view.kind === "wall" ? "Look at doubtful names (D), or close the page: everything is kept." : "";
  const who = group.suggestion ? `The network says ${group.suggestion.name}.` : "Who are they?";
  return group.rows.length > 1 ? `${who} Strike those that are somebody else.` : who;
}

function nothing() {
  if (view.kind === "later") return "Nothing is left for later";
  return state.faces === 0 ? "No faces in this project" : "Every face has an answer";
}

async function openPage() {
  const label = view.label ?? state.characters.find((each) => !done.has(each.label))?.label
    ?? state.characters[0]?.label;
  if (!label) {
    show([], { title: "No character has a name yet", hint: "Name a group on the wall first (W)." });
    return;
  }
  const said = await ask("faces", { label });
  take(said.state);
  view = { kind: "pages", label: said.label.label, name: said.label.name, isOver: said.stop && !view.isAsked };
  if (said.stop) done.add(label);
  else done.delete(label);
  const { name } = view;
  if (said.rows.length === 0) {
    view.isOver = true;
    show([], { title: `${name}: no face is left`, hint: following() ? "" : ended() });
  } else if (view.isOver) {
    show([], { title: `${name}: enough for now`, hint: `${sentence(said.stop)} ${following() ? "" : ended()}` });
  } else {
    show(said.rows, {
      title: `${counted(said.rows.length)} most like ${name}`,
      hint: `Strike those that are not ${name}, accept the others.`,
    });
  }
}

function ended() {
  return "No other character has pages that are worth it. Look at doubtful names (D) or the wall (W).";
}

function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}

// The character whose pages come next; null if none has good ones.
function following() {
  const at = state.characters.findIndex((each) => each.label === view.label);
  const others = [...state.characters.slice(at + 1), ...state.characters.slice(0, Math.max(at, 0))];
  return others.find((each) => !done.has(each.label)) ?? null;
}

async function openDoubts() {
  say("Comparing all names …");
  const said = await ask("doubts");
  take(said.state);
  say("");
  view = { kind: "doubtful", pairs: said.doubts, at: 0 };
  openPair();
}

function openPair() {
  const pair = view.pairs[view.at];
  if (!pair) {
    const hint = "The names agree with each other, as far as that can be said.";
    show([], { title: "No doubtful names", hint: state.characters.length > 1 ? hint : "" });
    return;
  }
  const [given, said] = [pair.given.name, pair.suggested.name];
  show(pair.rows, {
    title: `${counted(pair.rows.length)} named ${given}: ${said}?`,
    hint: `The other answers say ${said}. Strike those that are ${given} after all.`,
  });
}

function show(rows, { title, hint }) {
  find("#title").textContent = title;
  find("#hint").textContent = hint;
  stage.show(rows);
  arrange();
}

// What is on the buttons.
function arrange() {
  const isWall = view.kind === "wall" || view.kind === "later";
  const main = mainAction();
  const [kept, struck] = [stage.kept.length, stage.struckRows.length];
  find("#main").hidden = !main;
  find("#main").replaceChildren(main?.text ?? "", Object.assign(document.createElement("kbd"), { textContent: "Enter", ariaHidden: "true" }));
  find("#wall").hidden = !isWall || wall.groups.length === 0;
  find("#stage-tools").hidden = stage.rows.length === 0 && !(view.kind === "pages" && view.label);
  for (const each of ["#invert", "#look"]) find(each).hidden = stage.rows.length === 0;
  find("#skip").textContent = skipText();
  find("#skip").hidden = view.kind === "pages" ? !view.isOver && !following() : stage.rows.length === 0;
  const isPages = view.kind === "pages";
  find("#naming").hidden = stage.rows.length === 0 && !isPages;
  find("#give").textContent = isPages ? "Show" : struck > 0 ? `Name ${kept}` : "Name";
  find("#name-label").textContent = isPages ? "Show pages of" : "Name";
  find("#naming").classList.toggle("struck", struck > 0);
  drawViews();
  drawChips();
}

function skipText() {
  if (view.kind !== "pages") return "Skip";
  return view.isOver && stage.rows.length === 0 ? "One more page" : "Next character";
}

// What Enter does: { text, run }, null for nothing.
function mainAction() {
  const [kept, struck] = [stage.kept, stage.struckRows];
  if (view.kind === "pages") {
    const next = following();
    if (view.isOver) return next && { text: `Go on with ${next.name}`, run: () => go("pages", { label: next.label }) };
    if (stage.rows.length === 0) return null;
    const text = kept.length === 0 ? "None of them" : `Accept ${kept.length} as ${view.name}`;
    return { text, run: () => answer(view.label, kept, struck) };
  }
  if (stage.rows.length === 0) return null;
  if (view.kind === "doubtful") {
    const { given, suggested } = view.pairs[view.at];
    const text = kept.length === 0 ? `All are ${given.name}` : `${kept.length} ${kept.length === 1 ? "is" : "are"} ${suggested.name}`;
    return { text, run: () => answer(suggested.label, kept, struck) };
  }
  if (!view.suggestion || kept.length === 0) return null;
  const { label, name } = view.suggestion;
  return { text: `${name}`, run: () => answer(label, kept, struck) };
}

function drawViews() {
  const later = state.special[LATER];
  const kinds = [["wall", "Wall"], ["pages", "Pages"], ["doubtful", "Doubtful"]];
  if (later > 0 || view.kind === "later") kinds.push(["later", `Later ${later}`]);
  redraw(find("#views"), kinds.map(([kind, text]) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: text });
    button.dataset.id = kind;
    button.ariaCurrent = kind === view.kind ? "page" : null;
    button.addEventListener("click", () => go(kind));
    return button;
  }));
}

function drawChips() {
  const names = state.characters.map(({ label, name, count }, index) => (
    chip(label, name, count, index < 9 ? String(index + 1) : "")
  ));
  const others = SPECIAL.map(([label, name, key]) => chip(label, name, state.special[label], key));
  redraw(find("#chips"), [...names, ...others]);
}

function chip(label, name, count, key, className = "chip") {
  const button = Object.assign(document.createElement("button"), { type: "button", className });
  button.dataset.id = label;
  if (key) button.append(Object.assign(document.createElement("kbd"), { textContent: key }));
  button.append(` ${name} `, Object.assign(document.createElement("span"), { className: "count", textContent: count }));
  if (view.kind === "pages") button.ariaPressed = String(label === view.label);
  button.addEventListener("click", () => use(label));
  button.addEventListener("dragover", (event) => {
    event.preventDefault();
    button.classList.add("over");
  });
  button.addEventListener("dragleave", () => button.classList.remove("over"));
  button.addEventListener("drop", (event) => {
    event.preventDefault();
    button.classList.remove("over");
    const row = Number(event.dataTransfer.getData("text/plain"));
    if (stage.rows.includes(row)) answer(label, [row], [], true);
  });
  return button;
}

// Put other buttons in their place; the one in focus keeps it.
function redraw(place, buttons) {
  const focused = place.contains(document.activeElement) ? document.activeElement.dataset.id : null;
  place.replaceChildren(...buttons);
  if (focused) buttons.find((button) => button.dataset.id === focused)?.focus();
}

function dragged(carried, row) {
  carried.setData("text/plain", String(row));
  carried.effectAllowed = "move";
}

// Answers

// A name is the answer to what is on the stage; among the pages it says whose.
function use(label) {
  if (view.kind !== "pages") return answer(label, stage.kept, label === LATER ? [] : stage.struckRows);
  return label === LATER ? go("later") : go("pages", { label });
}

// isPart: of one face alone, after which the stage stays.
function answer(label, rows, struck, isPart = false) {
  if (stage.rows.length === 0 || busy > 0) return undefined; // a key pressed twice is one answer
  if (rows.length === 0 && (struck.length === 0 || view.kind === "wall" || view.kind === "later")) {
    say("All of them are struck.");
    return undefined;
  }
  return during(async () => {
    const { answers } = state;
    const said = await tell("answers", {
      project: project.project, label, faces: rows, struck, seen: answers,
    });
    const left = said.left_out.length;
    const named = rows.filter((row) => !said.left_out.includes(row)).length;
    const told = struck.length > 0 && rows.length === 0 ? `${counted(struck.length)} struck` : `${counted(named)}: ${said.label.name}`;
    take(said.state);
    say(left > 0 ? `${told}; ${left} had just been answered elsewhere` : told);
    if (said.number !== answers + 1) await reload();
    else if (isPart) part(rows);
    else await advance([...rows, ...(view.kind === "doubtful" ? struck : [])]);
  });
}

// Others have answered too.
async function reload() {
  if (view.kind === "doubtful") view.pairs.splice(view.at, 1);
  if (view.kind === "doubtful") openPair();
  else if (view.kind === "pages") await openPage();
  else await openWall();
  focusTitle();
}

function part(rows) {
  if (view.kind === "wall" || view.kind === "later") wall.remove(rows);
  if (view.kind === "doubtful") drop(rows);
  stage.remove(rows);
  if (stage.rows.length === 0) return advance([]);
  return undefined;
}

// To what comes next.
async function advance(rows) {
  if (view.kind === "pages") {
    await openPage();
  } else if (view.kind === "doubtful") {
    view.pairs.splice(view.at, 1);
    if (view.at >= view.pairs.length) view.at = 0;
    if (view.pairs.length > 0) openPair();
    else await openDoubts();
  } else {
    wall.remove(rows);
    openGroup(wall.find());
  }
  remember();
  focusTitle();
}

function drop(rows) {
  const pair = view.pairs[view.at];
  pair.rows = pair.rows.filter((row) => !rows.includes(row));
}

function back(path) {
  return during(async () => {
    const said = await tell(path, { project: project.project });
    take(said.state);
    if (!said.answer) {
      say(path === "undo" ? "There is nothing of yours to take back." : "There is nothing to do again.");
      return;
    }
    const { name, label, rows, struck } = said.answer;
    const count = counted(rows.length || struck.length);
    if (view.kind === "wall" || view.kind === "later") {
      view.row = path === "undo" ? rows[0] : undefined;
      await openWall();
    } else if (view.kind === "pages") {
      done.delete(label);
      view.label = label;
      if ([NOBODY, NO_FACE].includes(label) || state.characters.some((each) => each.label === label)) await openPage();
      else await openPage(delete view.label);
    } else {
      await openDoubts();
    }
    say(`${path === "undo" ? "Undone" : "Done again"}: ${count}, ${name}`);
    remember();
    focusTitle();
  });
}

function skip(step = 1) {
  if (view.kind === "doubtful") {
    if (view.pairs.length === 0) return;
    view.at = (view.at + step + view.pairs.length) % view.pairs.length;
    openPair();
    focusTitle();
  } else if (view.kind === "pages") {
    if (view.isOver && stage.rows.length === 0) go("pages", { label: view.label, isAsked: true });
    else if (following()) go("pages", { label: following().label });
  } else if (wall.groups.length > 0) {
    openGroup(wall.beside(step), true);
  }
}

// One thing after the other; what fails is said.
function during(work) {
  count(1);
  turn = turn.then(work).catch((error) => say(error.message, true)).finally(() => count(-1));
  return turn;
}

function count(change) {
  busy += change;
  document.body.ariaBusy = String(busy > 0);
}

// What is always in sight

function take(said) {
  state = said;
  const answered = state.faces - state.left;
  find("#bar").max = state.faces || 1;
  find("#bar").value = answered;
  find("#done").textContent = `${answered.toLocaleString("en")} of ${counted(state.faces)} answered, ${state.left.toLocaleString("en")} left`;
  const names = new Map(state.characters.map((each) => [each.name, each]));
  for (const each of project.known) if (!names.has(each.name)) names.set(each.name, each);
  find("#names").replaceChildren(...[...names.keys()].map((value) => (
    Object.assign(document.createElement("option"), { value })
  )));
  drawChips();
}

function say(text, isWrong = false) {
  find("#status").textContent = text;
  find("#status").classList.toggle("error", isWrong);
}

function focusTitle() {
  find("#title").focus({ preventScroll: true });
  scrollTo({ top: 0, behavior: "instant" });
}

// Reloading the page comes back to the same view.
function remember() {
  const about = { wall: view.number, pages: view.label }[view.kind];
  history.replaceState(null, "", `#${view.kind}${about === undefined ? "" : `=${encodeURIComponent(about)}`}`);
}

function remembered() {
  const [kind, about] = location.hash.slice(1).split("=");
  if (kind === "pages") return { kind, label: about && decodeURIComponent(about) };
  if (kind === "later" || kind === "doubtful") return { kind };
  return { kind: "wall", number: about === undefined ? undefined : Number(about) };
}

async function poll() {
  if (document.hidden || busy) return;
  const before = state.answers;
  const said = await ask("state").catch((error) => error);
  if (busy) return;
  if (said instanceof Error) {
    say(said.message, true);
    return;
  }
  if (find("#status").classList.contains("error")) say("");
  if (said.answers === before || state.answers !== before) return;
  during(() => meanwhile(said, before));
}

// Show what others have answered since.
async function meanwhile(said, before) {
  if (state.answers !== before) return;
  const { changed } = await ask("changes", { since: before });
  take(said);
  say("Somebody else has answered too.");
  const gone = stage.rows.filter((row) => changed.includes(row));
  if (view.kind === "wall" || view.kind === "later") {
    const { clusters } = await ask("clusters", { later: view.kind === "later" });
    wall.show(clusters);
    const group = clusters.find((each) => each.number === view.number);
    wall.choose(group ?? null);
    if (!group || group.rows.length !== stage.rows.length - gone.length) openGroup(group ?? wall.find());
    else if (gone.length > 0) stage.remove(gone);
  } else if (gone.length > 0) {
    if (view.kind === "doubtful") drop(gone);
    stage.remove(gone);
    if (stage.rows.length === 0) await advance([]);
  }
}

// The whole frame

let near = null; // the row of the face that is looked at

async function closer(row = stage.current ?? stage.rows[0]) {
  if (row === undefined || row === null) return;
  near = row;
  const { box } = await ask(`boxes/${row}`);
  if (near !== row) return;
  const picture = find("#frame-picture");
  find("#frame-title").textContent = `Face ${stage.rows.indexOf(row) + 1} of ${stage.rows.length}, ${place(row)}`;
  picture.alt = `The whole frame, ${place(row)}`;
  find("#frame-box").hidden = true;
  picture.onload = () => {
    const { naturalWidth: width, naturalHeight: height } = picture;
    const edges = { left: box[0] / width, top: box[1] / height, right: 1 - box[2] / width, bottom: 1 - box[3] / height };
    for (const [edge, share] of Object.entries(edges)) find("#frame-box").style[edge] = `${100 * share}%`;
    find("#frame-box").hidden = false;
  };
  picture.src = `frames/${project.project}/${row}.jpg`;
  find("#frame-strike").ariaPressed = String(stage.struck.has(row));
  if (!find("#frame").open) find("#frame").showModal();
}

function lookBeside(step) {
  const at = stage.rows.indexOf(near) + step;
  if (at >= 0 && at < stage.rows.length) closer(stage.rows[at]);
}

function strikeNear() {
  stage.strike(near);
  find("#frame-strike").ariaPressed = String(stage.struck.has(near));
}

function connectFrame() {
  find("#frame-before").addEventListener("click", () => lookBeside(-1));
  find("#frame-next").addEventListener("click", () => lookBeside(1));
  find("#frame-strike").addEventListener("click", strikeNear);
  find("#frame-close").addEventListener("click", () => find("#frame").close());
  find("#frame").addEventListener("close", () => stage.focus(near));
  find("#frame").addEventListener("keydown", (event) => {
    const run = {
      ArrowLeft: () => lookBeside(-1), ArrowRight: () => lookBeside(1), x: strikeNear, v: () => find("#frame").close(),
    }[event.key];
    if (!run) return;
    event.preventDefault();
    run();
  });
}

// Controls

const COMMANDS = {
  main: () => mainAction()?.run(),
  name: (number) => state.characters[number - 1] && use(state.characters[number - 1].label),
  nameOne: (number) => {
    const label = state.characters[number - 1]?.label;
    if (label && stage.isFocused) answer(label, [stage.current], [], true);
  },
  nobody: () => use(NOBODY),
  noFace: () => use(NO_FACE),
  later: () => use(LATER),
  type: () => find("#name").focus(),
  invert: () => stage.invert(),
  strike: () => stage.isFocused && stage.strike(stage.current),
  look: () => closer(),
  next: () => skip(1),
  previous: () => skip(-1),
  undo: () => back("undo"),
  redo: () => back("redo"),
  wall: () => go("wall"),
  pages: () => go("pages"),
  doubtful: () => go("doubtful"),
  help: () => find("#help").showModal(),
};

function connect() {
  for (const id of ["undo", "redo", "invert", "look", "main"]) {
    find(`#${id}`).addEventListener("click", () => COMMANDS[id]());
  }
  find("#skip").addEventListener("click", () => skip(1));
  find("#keys").addEventListener("click", COMMANDS.help);
  find("#naming").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = find("#name").value.trim();
    if (!name) return;
    if (busy > 0) { // the name may be meant for faces that are about to leave
      say("The page was changing: look again, and press Enter.");
      return;
    }
    find("#name").value = "";
    find("#name").blur();
    const known = [...state.characters, ...project.known].find((each) => each.name === name);
    use(known?.label ?? name);
  });
  find("#name").addEventListener("keydown", (event) => {
    if (event.key === "Escape") find("#title").focus();
  });
  list(find("#key-list"));
  listen((command, number) => COMMANDS[command](number), () => find("#keys-on").checked);
  connectFrame();
  const sizes = new ResizeObserver(keepClear);
  for (const each of ["#top", "#dock"]) sizes.observe(find(each));
  document.addEventListener("visibilitychange", poll);
  setInterval(poll, POLL);
}

// What comes into focus is not behind what is always in sight.
function keepClear() {
  const { style } = document.documentElement;
  style.scrollPaddingTop = `${find("#top").offsetHeight + 8}px`;
  style.scrollPaddingBottom = `${find("#dock").offsetHeight + 8}px`;
}

find("#project").textContent = project.name;
document.title = `Who is who? ${project.name}`;
connect();
take(state);
view = remembered();
await refresh();
