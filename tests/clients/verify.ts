// Verifies an access token with verifyToken of docs/sessions-and-tokens.md. Arguments: the issuer, the token.
import { verifyToken } from "./snippet.ts";

const [issuer, token] = process.argv.slice(2);
try {
  const { protectedHeader, payload } = await verifyToken(issuer, token);
  console.log(protectedHeader.alg, payload.sub);
} catch (error) {
  console.log(`refused: ${(error as Error).message}`);
}
