"use strict";
// Resizing that gives the pixels of Python's side: those of Pillow's `reduce` and bicubic `resize`,
// bit for bit, and of `simpsons.plain_resize`. A canvas aliases where it makes a picture smaller.
//
// A picture here: { width, height, data }, data of four bytes a pixel, of which the last is unused.

const BITS = 22; // of a weight, as in Pillow's Resample.c
const GAP = 3; // times larger than the result, a picture is first reduced by a whole factor

function blank(width, height) {
  return { width, height, data: new Uint8Array(4 * width * height) };
}

// The mean of squares of that many pixels; those at the right and at the bottom may be smaller.
// Source: Pillow, Reduce.c.
function reduced(image, across, down = across) {
  if (across === 1 && down === 1) return image;
  const result = blank(Math.ceil(image.width / across), Math.ceil(image.height / down));
  for (let y = 0; y < result.height; y += 1) {
    const bottom = Math.min((y + 1) * down, image.height);
    for (let x = 0; x < result.width; x += 1) {
      const right = Math.min((x + 1) * across, image.width);
      const sums = [0, 0, 0];
      for (let row = y * down; row < bottom; row += 1) {
        for (let at = 4 * (row * image.width + x * across), column = x * across; column < right; column += 1, at += 4) {
          sums[0] += image.data[at];
          sums[1] += image.data[at + 1];
          sums[2] += image.data[at + 2];
        }
      }
      const count = (bottom - y * down) * (right - x * across);
      const multiplier = Math.floor(2 ** 24 / count);
      const half = Math.floor(count / 2);
      const to = 4 * (y * result.width + x);
      for (let band = 0; band < 3; band += 1) {
        result.data[to + band] = Math.floor(((sums[band] + half) * multiplier) / 2 ** 24);
      }
    }
  }
  return result;
}

function cropped(image, { left, top, right, bottom }) {
  if (left === 0 && top === 0 && right === image.width && bottom === image.height) return image;
  const result = blank(right - left, bottom - top);
  for (let y = top; y < bottom; y += 1) {
    const from = 4 * (y * image.width + left);
    result.data.set(image.data.subarray(from, from + 4 * result.width), 4 * (y - top) * result.width);
  }
  return result;
}

// Bicubic with anti-aliasing, to a square of `size` pixels. across, down: what of the picture's
// width and height is resized, in pixels; may be fractions.
function resized(image, size, across = image.width, down = image.height) {
  const factors = [across, down].map((length) => Math.floor(length / size / GAP) || 1);
  if (factors[0] > 1 || factors[1] > 1) {
    const right = Math.min(image.width, Math.ceil(across + (1.5 * across) / size));
    const bottom = Math.min(image.height, Math.ceil(down + (1.5 * down) / size));
    image = reduced(cropped(image, { left: 0, top: 0, right, bottom }), ...factors);
    across /= factors[0];
    down /= factors[1];
  }
  const passes = [
    (one) => (one.width === size && across === size ? one : along(
      one, weights(one.width, across, size), size, one.height, (place, line) => [place, line],
    )),
    (one) => (one.height === size && down === size ? one : along(
      one, weights(one.height, down, size), size, one.width, (place, line) => [line, place],
    )),
  ];
  // of a tall picture the rows first, as Pillow 13 does; earlier versions differ in rounding
  const isTall = image.height > size && image.height - size > 2 * (image.width - size);
  if (isTall) passes.reverse();
  return passes.reduce((one, pass) => pass(one), image);
}

// For each pixel of a side, the first that it is made of, and the weights of that and the next.
// Source: Pillow, Resample.c, precompute_coeffs.
function weights(length, used, size) {
  const scale = Math.fround(used) / size;
  const wide = Math.max(scale, 1);
  return Array.from({ length: size }, (_, place) => {
    const middle = (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(middle - 2 * wide + 0.5));
    const last = Math.min(length, Math.trunc(middle + 2 * wide + 0.5));
    const shares = [];
    let sum = 0;
    for (let at = first; at < last; at += 1) {
      const share = bicubic((at - middle + 0.5) * (1 / wide));
      shares.push(share);
      sum += share;
    }
    const whole = shares.map((share) => {
      const part = sum === 0 ? share : share * (1 / sum);
      return Math.trunc((part < 0 ? -0.5 : 0.5) + part * 2 ** BITS);
    });
    return { first, whole };
  });
}

function bicubic(distance) {
  const x = Math.abs(distance);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
}

// One pass, along the lines of one direction. at(place, line): x and y.
function along(image, parts, size, lines, at) {
  const [width, height] = at(size, lines);
  const result = blank(width, height);
  const [right, below] = at(1, 0);
  const step = 4 * (right + below * image.width);
  for (let line = 0; line < lines; line += 1) {
    for (let place = 0; place < size; place += 1) {
      const { first, whole } = parts[place];
      const [x, y] = at(first, line);
      let from = 4 * (y * image.width + x);
      let [red, green, blue] = [2 ** (BITS - 1), 2 ** (BITS - 1), 2 ** (BITS - 1)];
      for (let number = 0; number < whole.length; number += 1, from += step) {
        red += image.data[from] * whole[number];
        green += image.data[from + 1] * whole[number];
        blue += image.data[from + 2] * whole[number];
      }
      const [toX, toY] = at(place, line);
      const to = 4 * (toY * width + toX);
      result.data[to] = clipped(red);
      result.data[to + 1] = clipped(green);
      result.data[to + 2] = clipped(blue);
    }
  }
  return result;
}

function clipped(sum) {
  return Math.min(255, Math.max(0, Math.floor(sum / 2 ** BITS)));
}

// For networks from elsewhere: the pixel at each point. Source: Pillow, Geometry.c.
function nearest(image, size) {
  const places = [image.width, image.height].map((length) => {
    const step = length / size;
    const found = [];
    for (let number = 0, at = step * 0.5; number < size; number += 1, at += step) found.push(Math.trunc(at));
    return found;
  });
  const result = blank(size, size);
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      const from = 4 * (places[1][y] * image.width + places[0][x]);
      result.data.set(image.data.subarray(from, from + 4), 4 * (y * size + x));
    }
  }
  return result;
}

// The same, between the four pixels around each point, as OpenCV does; see `simpsons.plain_resize`.
function bilinear(image, size) {
  const [columns, rows] = [image.width, image.height].map((length) => neighbours(length, size));
  const result = blank(size, size);
  for (let y = 0; y < size; y += 1) {
    const [above, below, ofAbove, ofBelow] = rows[y];
    for (let x = 0; x < size; x += 1) {
      const [left, right, ofLeft, ofRight] = columns[x];
      for (let band = 0; band < 3; band += 1) {
        const between = (row) => (
          image.data[4 * (row * image.width + left) + band] * ofLeft
          + image.data[4 * (row * image.width + right) + band] * ofRight
        );
        const upper = (ofAbove * (between(above) >> 4)) >> 16;
        const lower = (ofBelow * (between(below) >> 4)) >> 16;
        result.data[4 * (y * size + x) + band] = (upper + lower + 2) >> 2;
      }
    }
  }
  return result;
}

function neighbours(length, size) {
  return Array.from({ length: size }, (_, place) => {
    const at = Math.fround((place + 0.5) * (length / size) - 0.5);
    const before = Math.floor(at);
    const share = before < 0 || before >= length - 1 ? 0 : Math.fround(at - before);
    const first = Math.min(Math.max(before, 0), length - 1);
    const parts = [Math.fround(1 - share), share].map((part) => roundedToEven(part * 2 ** 11));
    return [first, Math.min(first + 1, length - 1), ...parts];
  });
}

function roundedToEven(value) {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}
