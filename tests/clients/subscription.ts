// Requests a code from the server at argv[2], and follows its delivery with graphql-ws. Prints each result.
import WebSocket from "ws";
import { createClient } from "graphql-ws";

const endpoint = process.argv[2];
const query = `mutation { requestCode(input: { phone: "${process.argv[3]}" }) { ... on RequestCodePayload { challengeId } } }`;
const headers = { "content-type": "application/json" };
const asked = await fetch(endpoint, { method: "POST", headers, body: JSON.stringify({ query }) });
const { challengeId } = (await asked.json()).data.requestCode;

const client = createClient({ url: endpoint.replace("http", "ws"), webSocketImpl: WebSocket });
const subscription = "subscription ($id: ID!) { codeDelivery(challengeId: $id) { status } }";
for await (const result of client.iterate({ query: subscription, variables: { id: challengeId } })) {
  console.log(JSON.stringify(result));
}
console.log("complete");
await client.dispose();
