"use strict";
// Plain bars and margins around a picture: `simpsons.margins`, which says what each step is for.

const LONGEST = 256;
const SMALLEST = 16;
const ALIKE = 48;
const PARTS = 16;
const NEAR = 28;
const STRAY = 0.04;
const EDGE = 0.75;
const EDGE_IN_BLACK = 0.4;
const BLACK = 20;
const WHITE = 235;
const DEPTH = 3;
const LEAST_BARS = 0.04;
const LEAST_CONTENT = 0.15;

// What a picture shows inside them, { left, top, right, bottom } in pixels.
function content(image) {
  const whole = { left: 0, top: 0, right: image.width, bottom: image.height };
  if (Math.min(image.width, image.height) < SMALLEST || !mayHaveBars(image)) return whole;
  const factor = Math.ceil(Math.max(image.width, image.height) / LONGEST);
  const small = reduced(image, factor);
  const found = sides(small);
  if (!found) return whole;
  const [[left, right], [top, bottom]] = found;
  return {
    left: left * factor,
    top: top * factor,
    right: right === small.width ? whole.right : right * factor,
    bottom: bottom === small.height ? whole.bottom : bottom * factor,
  };
}

function mayHaveBars({ width, height, data }) {
  const [right, bottom] = [width - 1, height - 1];
  const alike = (places) => [0, 1, 2].every((band) => {
    const values = places.map(([x, y]) => data[4 * (y * width + x) + band]);
    return Math.max(...values) - Math.min(...values) <= ALIKE;
  });
  const corners = [[0, 0], [right, 0], [0, bottom], [right, bottom]];
  if (!alike(corners)) return false;
  const parts = Array.from({ length: PARTS - 1 }, (_, number) => number + 1);
  const rows = parts.flatMap((part) => {
    const x = Math.floor((right * part) / PARTS);
    return [[x, 0], [x, bottom]];
  });
  const columns = parts.flatMap((part) => {
    const y = Math.floor((bottom * part) / PARTS);
    return [[0, y], [right, y]];
  });
  return alike([...corners, ...rows]) || alike([...corners, ...columns]);
}

// First column and the one after the last, and the same of rows; null for all of them.
function sides(image) {
  const { width, height } = image;
  const colour = colourOfCorners(image);
  const far = farFrom(image, colour);
  const row = (y) => Array.from({ length: width }, (_, x) => far[y * width + x]);
  const column = (x) => Array.from({ length: height }, (_, y) => far[y * width + x]);
  const isBar = (lines) => share(lines.flat()) <= STRAY;
  if (!isBar([row(0), row(height - 1)]) && !isBar([column(0), column(width - 1)])) return null;
  const allRows = Array.from({ length: height }, (_, y) => row(y));
  const allColumns = Array.from({ length: width }, (_, x) => column(x));
  const columns = span(allColumns.map(share));
  const rows = span(allRows.map(share));
  if (columns[0] === 0 && columns[1] === width && rows[0] === 0 && rows[1] === height) return null;
  const isPlain = Math.max(...colour) <= BLACK || Math.min(...colour) >= WHITE;
  const across = straight(columns, allColumns.map((line) => line.slice(...rows)), isPlain);
  const down = straight(rows, allRows.map((line) => line.slice(...columns)), isPlain);
  if (!across || !down) return null;
  const inside = cropped(image, { left: across[0], right: across[1], top: down[0], bottom: down[1] });
  return isOfOneColour(inside) ? null : [across, down];
}

function share(values) {
  let count = 0;
  for (const value of values) count += value > NEAR;
  return count / values.length;
}

function isOfOneColour(image) {
  const count = image.width * image.height;
  const colour = [0, 1, 2].map((band) => {
    const counts = new Array(256).fill(0);
    for (let at = band; at < 4 * count; at += 4) counts[image.data[at]] += 1;
    const valueAt = (place) => {
      let value = 0;
      for (let seen = counts[0]; seen <= place; seen += counts[value]) value += 1;
      return value;
    };
    return Math.floor((valueAt(Math.floor((count - 1) / 2)) + valueAt(Math.floor(count / 2))) / 2);
  });
  return share(farFrom(image, colour)) < STRAY;
}

function colourOfCorners({ width, height, data }) {
  const starts = [[0, 0], [width - 2, 0], [0, height - 2], [width - 2, height - 2]];
  return [0, 1, 2].map((band) => {
    const means = starts.map(([left, top]) => {
      const value = (x, y) => data[4 * ((top + y) * width + left + x) + band];
      return (value(0, 0) + value(1, 0) + value(0, 1) + value(1, 1)) / 4;
    });
    means.sort((one, other) => one - other);
    return Math.floor((means[1] + means[2]) / 2);
  });
}

// How far each pixel is from a colour, in the channel that differs most.
function farFrom({ width, height, data }, colour) {
  const far = new Uint8Array(width * height);
  for (let number = 0; number < far.length; number += 1) {
    far[number] = Math.max(
      Math.abs(data[4 * number] - colour[0]),
      Math.abs(data[4 * number + 1] - colour[1]),
      Math.abs(data[4 * number + 2] - colour[2]),
    );
  }
  return far;
}

// From the first line that is no bar to the last, if there is a pair of bars; else all.
function span(shares) {
  const isContent = (value) => value > STRAY;
  const first = shares.findIndex(isContent);
  if (first < 0) return [0, shares.length];
  const end = shares.findLastIndex(isContent) + 1;
  const left = shares.length - (end - first);
  const isPair = first > 0 && end < shares.length && left >= LEAST_BARS * shares.length;
  return isPair ? [first, end] : [0, shares.length];
}

function straight([start, end], lines, isPlain) {
  const count = lines.length;
  if (start === 0 && end === count) return [start, end];
  const [first, fromFirst] = edge(lines, start);
  const [last, fromLast] = edge([...lines].reverse(), count - end);
  const least = isPlain && Math.abs(first - last) < DEPTH ? EDGE_IN_BLACK : EDGE;
  if (Math.min(fromFirst, fromLast) < least || count - first - last < LEAST_CONTENT * count) return null;
  return [first, count - last];
}

// The line with which the content begins, and the share of it that differs from the bar.
function edge(lines, first) {
  const near = lines.slice(first, first + DEPTH + 1);
  const shares = near.map(share);
  const among = shares.slice(0, DEPTH);
  const at = among.indexOf(Math.max(...among));
  const means = near.map((line) => line.reduce((sum, value) => sum + value, 0) / line.length);
  const isMixed = at + 1 < means.length && means[at] < 0.75 * means[at + 1];
  return [first + at + (isMixed ? 1 : 0), shares[at]];
}
