"use strict";
// The network, in onnxruntime-web. FACTS, MODEL, LOADER and ENGINE are in model.js and runtime.js.

const TOP = 5;

// A function from what `fitted` gives of a picture to what the network says of it.
async function openNetwork() {
  ort.env.wasm.numThreads = 1; // more need headers that a web space may not send
  const loader = new Blob([await unpacked(LOADER)], { type: "text/javascript" });
  ort.env.wasm.wasmPaths = { mjs: URL.createObjectURL(loader) };
  ort.env.wasm.wasmBinary = (await unpacked(ENGINE)).buffer;
  const session = await ort.InferenceSession.create(await unpacked(MODEL));
  const [input] = session.inputNames;
  return async (pixels) => {
    const outputs = await session.run({ [input]: new ort.Tensor("uint8", pixels, [1, SIZE, SIZE, 3]) });
    return said(outputs[session.outputNames[0]].data, outputs.familiarity?.data[0]);
  };
}

// { label, probability, verdict, familiarity, top }, as `simpsons.Prediction` has them.
function said(probabilities, familiarity) {
  const order = Array.from(probabilities.keys()).sort((one, other) => (
    probabilities[other] - probabilities[one] || one - other
  ));
  const top = order.slice(0, TOP).map((number) => (
    { label: FACTS.labels[number], name: FACTS.names[number], probability: probabilities[number] }
  ));
  const isUnknown = familiarity !== undefined && FACTS.familiarity_threshold !== null
    && familiarity < FACTS.familiarity_threshold;
  return { ...top[0], verdict: isUnknown ? "unknown" : top[0].label, familiarity, top };
}

async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
