"use strict";
// From a picture to what the network sees of it, as `simpsons.images.load` makes it.

const SIZE = 64;
const JPEG_GAP = 1.5; // times larger than the result, a JPEG file is decoded
const SCALES = [8, 4, 2, 1]; // by which its decoder reduces in Python

// The bytes of the network's input, SIZE x SIZE x 3. resize: antialias, bilinear or nearest.
function fitted(image, isJpeg, resize = "antialias") {
  const plain = { bilinear, nearest }[resize];
  return withoutFourth(plain ? plain(image, SIZE) : inside(image, isJpeg, Math.round(JPEG_GAP * SIZE)));
}

function inside(image, isJpeg, least) {
  const shorter = Math.min(image.width, image.height);
  const scale = isJpeg ? SCALES.find((one) => one <= Math.max(1, Math.floor(shorter / least))) : 1;
  const decoded = reduced(image, scale);
  const part = content(decoded);
  const [width, height] = [part.right - part.left, part.bottom - part.top];
  const all = Math.min(decoded.width, decoded.height);
  const more = Math.min(width, height) === all ? least : Math.ceil((least * all) / Math.min(width, height));
  if (scale > 1 && more > least) return inside(image, isJpeg, more);
  const across = Math.min(part.right, image.width / scale) - part.left; // the last may be partly outside
  const down = Math.min(part.bottom, image.height / scale) - part.top;
  return resized(cropped(decoded, part), SIZE, across, down);
}

function withoutFourth({ width, height, data }) {
  const bytes = new Uint8Array(3 * width * height);
  for (let number = 0; number < width * height; number += 1) {
    bytes.set(data.subarray(4 * number, 4 * number + 3), 3 * number);
  }
  return bytes;
}

// From a file to its pixels

const MOST = { pixels: 80_000_000, inCanvas: 4_000_000 }; // phones allow no large canvas
const SIGNATURES = [
  [0xff, 0xd8, 0xff], [0x89, 0x50, 0x4e, 0x47], [0x47, 0x49, 0x46, 0x38], [0x42, 0x4d],
  [0x52, 0x49, 0x46, 0x46],
]; // of JPEG, PNG, GIF, BMP and WebP files

// What the network sees of a file. Throws an Error that says what is wrong with it.
async function seen(file, resize) {
  const start = new Uint8Array(await file.slice(0, 4).arrayBuffer());
  if (start.length === 0) throw new Error(`${file.name}: the file is empty; fetch it again`);
  const isJpeg = startsWith(start, SIGNATURES[0]);
  return fitted(await decoded(file, start), isJpeg, resize);
}

// The file's pixels, turned as EXIF says and put on white; colour profiles are left aside.
async function decoded(file, start) {
  const settings = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
  const bitmap = await createImageBitmap(file, settings).catch(() => {
    const isKnown = SIGNATURES.some((signature) => startsWith(start, signature));
    throw new Error(isKnown
      ? `${file.name}: the picture is damaged, or too large for this browser; fetch it again, or make it smaller`
      : `${file.name}: not a picture in a format that this browser knows; convert it to JPEG or PNG`);
  });
  if (bitmap.width * bitmap.height > MOST.pixels) {
    bitmap.close();
    throw new Error(`${file.name}: has more than ${MOST.pixels.toLocaleString("en")} pixels; make it smaller`);
  }
  try {
    return onWhite(bitmap);
  } catch {
    throw new Error(`${file.name}: is too large for this browser; make it smaller`);
  } finally {
    bitmap.close();
  }
}

function startsWith(bytes, signature) {
  return signature.every((byte, place) => bytes[place] === byte);
}

function onWhite(bitmap) {
  const image = blank(bitmap.width, bitmap.height);
  const rows = Math.min(image.height, Math.max(1, Math.floor(MOST.inCanvas / image.width)));
  const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: rows });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  for (let top = 0; top < image.height; top += rows) {
    context.fillRect(0, 0, image.width, rows);
    context.drawImage(bitmap, 0, -top);
    const height = Math.min(rows, image.height - top);
    image.data.set(context.getImageData(0, 0, image.width, height).data, 4 * top * image.width);
  }
  return image;
}
