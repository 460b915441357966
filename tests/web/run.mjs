// The outputs of ONNX files in onnxruntime-web. Arguments: the folder of the runtime, and a JSON
// file with [{ model, pixels, shape }, ...], pixels in base64. Goes out: [{ output: values }, ...].

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder, jobs] = process.argv.slice(2);
const ort = createRequire(import.meta.url)(`${folder}/ort.wasm.min.js`);
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmBinary = readFileSync(`${folder}/ort-wasm-simd-threaded.wasm`).buffer;
const said = [];
for (const { model, pixels, shape } of JSON.parse(readFileSync(jobs, "utf8"))) {
  const session = await ort.InferenceSession.create(readFileSync(model));
  const data = new Uint8Array(Buffer.from(pixels, "base64"));
  const outputs = await session.run({ pixels: new ort.Tensor("uint8", data, shape) });
  said.push(Object.fromEntries(
    Object.entries(outputs).map(([name, { data: values }]) => [name, Array.from(values, Number)]),
  ));
}
console.log(JSON.stringify(said));
