// Uses the React component of docs/clients.md as a user does: enters phone numbers, a wrong code, then the code that this reads
// from standard input. Prints a line for each step.
import { GlobalRegistrator } from "@happy-dom/global-registrator";
import { createInterface } from "node:readline/promises";

// The page has another origin than the server, as an app has. Node's own fetch does not check CORS; the headers are
// compared here.
const nodeFetch = globalThis.fetch;
GlobalRegistrator.register({ url: "http://localhost:5173/" });
globalThis.fetch = async (url, options) => {
  const headers = { ...options?.headers, origin: location.origin };
  const response = await nodeFetch(url as string, { ...options, headers });
  if (response.headers.get("access-control-allow-origin") !== location.origin) throw new Error("refused by CORS");
  return response;
};
Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

const { act } = await import("react");
const { createRoot } = await import("react-dom/client");
const { SignIn } = await import("./snippet.tsx");

const [phone] = process.argv.slice(2);
const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const container = document.body.appendChild(document.createElement("main"));
await act(() => {
  createRoot(container).render(<SignIn onSignedIn={(session) => console.log(`signed in: ${JSON.stringify(session)}`)} />);
});

/** Types into the field with this label, as React expects it. */
async function type(label: string, text: string) {
  const labels = [...container.querySelectorAll("label")];
  const field = labels.find((element) => element.textContent === label)!.querySelector("input")!;
  await act(() => {
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")!.set!.call(field, text);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

/** Submits the form, and waits until `isDone`. */
async function submit(isDone: () => boolean) {
  await act(() => container.querySelector<HTMLButtonElement>("button[type=submit]")!.click());
  for (const end = Date.now() + 10_000; !isDone(); ) {
    if (Date.now() > end) throw new Error(`nothing happened: ${container.innerHTML}`);
    await act(() => new Promise((resolve) => setTimeout(resolve, 20)));
  }
}

const alert = () => container.querySelector("[role=alert]")?.textContent;

await type("Phone number", "123");
await submit(() => alert() !== undefined);
console.log(`alert: ${alert()}`);

// The problem of a region that gets no codes. The component has no sentence for it, and shows its code.
await type("Phone number", "+14155550123");
await submit(() => alert()?.includes("(") ?? false);
console.log(`alert: ${alert()}`);

await type("Phone number", phone);
await submit(() => container.querySelectorAll("label").length === 2);
console.log("sent");

const code = (await input.next()).value;
await type("Code from the SMS", String((Number(code) + 1) % 1_000_000).padStart(6, "0"));
await submit(() => alert() !== undefined);
console.log(`alert: ${alert()}`);

await type("Code from the SMS", code);
let done = false;
const { log } = console;
console.log = (line) => {
  done = true;
  log(line);
};
await submit(() => done);
process.exit(0);
