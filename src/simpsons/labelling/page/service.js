// What the page asks of the service, and what it tells it.

export const client = identity();

// What the service says at a path. Throws an Error whose message can be shown.
export function ask(path, query = {}) {
  return answered(`${path}?${new URLSearchParams(query)}`, {});
}

export function tell(path, body) {
  return answered(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ client, ...body }),
  });
}

async function answered(url, options) {
  const response = await fetch(url, options).catch(() => {
    throw new Error("The service does not answer. Start simpsons label again: every answer is kept.");
  });
  const said = await response.json().catch(() => ({ error: `the service says ${response.status}` }));
  if (!response.ok) throw new Error([said.error, said.remedy].filter(Boolean).join("; "));
  return said;
}

// Tells this tab from others, over a reload: each takes back its own answers only.
function identity() {
  try {
    sessionStorage.client ??= random();
    return sessionStorage.client;
  } catch {
    return random();
  }
}

function random() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
