// What the page can save: a table of the answers, and the pictures sorted into folders.

import { fits, zip } from "./zip.js";

const TOP = 5;
const UNSAFE = /[\u0000-\u001f\u007f<>:"/\\|?*]/g;
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i; // names that Windows has for itself

// CSV with the columns of `simpsons predict --csv`, and then the network and everyone in it.
export function csv(cards, networks) {
  const places = Array.from({ length: TOP }, (_, place) => (place === 0 ? "" : `_${place + 1}`));
  const tops = places.flatMap((place) => [`label${place}`, `probability${place}`]);
  const header = ["path", ...tops, "error", "verdict", "network", "faces"];
  const rows = cards.flatMap((card) => card.among(networks).map((one) => row(card, one)));
  return new Blob([[header, ...rows].map(line).join("")], { type: "text/csv" });
}

function row(card, network) {
  const answer = card.answer(network);
  if (card.error || !answer) {
    const empty = Array.from({ length: 2 * TOP }, () => "");
    return [card.file.name, ...empty, card.error ?? "not answered yet", "", network, ""];
  }
  const tops = Array.from({ length: TOP }, (_, place) => answer.top[place])
    .flatMap((one) => (one ? [one.label, one.probability] : ["", ""]));
  const faces = card.answers.get(network).faces.map(({ verdict }) => verdict).join(" ");
  return [card.file.name, ...tops, "", answer.verdict, network, faces];
}

function line(values) {
  const quoted = values.map((value) => (
    /[",\r\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : value
  ));
  return `${quoted.join(",")}\r\n`;
}

// A ZIP file with a folder for each verdict of a network; null for more than it can have.
export async function sorted(cards, network) {
  const answer = (card) => card.answer(card.among([network])[0]);
  const read = cards.filter((card) => answer(card) && !card.error);
  const size = read.reduce((sum, { file }) => sum + file.size, 0);
  if (!fits(read.length, size)) return null;
  const folders = new Map();
  const taken = new Set();
  const entries = read.map((card) => {
    const { verdict } = answer(card);
    if (!folders.has(verdict)) folders.set(verdict, unique(safe(verdict), taken));
    return { name: unique(`${folders.get(verdict)}/${safe(card.file.name)}`, taken), file: card.file };
  });
  return { blob: await zip(entries), pictures: read.length, folders: folders.size };
}

// A name that every system can have.
function safe(name) {
  const trimmed = name.replace(UNSAFE, "_").replace(/^\.+|[. ]+$/g, "_");
  return DEVICE.test(trimmed) || trimmed === "" ? `_${trimmed}` : trimmed;
}

// The path with a number where another one, of whatever case, has it.
function unique(path, taken) {
  const [, stem, suffix] = /^(.*?)(\.[^./]*)?$/s.exec(path);
  let other = path;
  for (let number = 2; taken.has(other.toLowerCase()); number += 1) {
    other = `${stem} (${number})${suffix ?? ""}`;
  }
  taken.add(other.toLowerCase());
  return other;
}

// Let the browser save it.
export function download(blob, name) {
  const link = Object.assign(document.createElement("a"), {
    href: URL.createObjectURL(blob), download: name,
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
