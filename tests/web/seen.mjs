// What the page's scripts make of pictures: [{ width, height, data, isJpeg, resize }, ...] comes in
// as JSON, data as RGBX in base64, and what the network sees goes out, base64 too.

import { readFileSync } from "node:fs";
import { runInThisContext } from "node:vm";

const [folder] = process.argv.slice(2);
const scripts = ["resize.js", "margins.js", "pixels.js"];
const source = scripts.map((name) => readFileSync(`${folder}/${name}`, "utf8")).join("\n");
const fitted = runInThisContext(`${source}\nfitted;`);
const pictures = JSON.parse(readFileSync(0, "utf8"));
const seen = pictures.map(({ width, height, data, isJpeg, resize }) => {
  const image = { width, height, data: new Uint8Array(Buffer.from(data, "base64")) };
  return Buffer.from(fitted(image, isJpeg, resize)).toString("base64");
});
console.log(JSON.stringify(seen));
