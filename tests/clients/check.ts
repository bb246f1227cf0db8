// Tries verifyProof of docs/proofs.md with the cases from standard input, [[proof, reference], …]. Prints a line for each.
import { readFileSync } from "node:fs";
import { verifyProof } from "./snippet.ts";

for (const [proof, reference] of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    console.log(await verifyProof(proof, reference));
  } catch (error) {
    console.log(`refused: ${error}`);
  }
}
