// Runs the audits of graphql-http, which check the requirements of the GraphQL-over-HTTP draft, against the server at the
// given URL. Then requests the schema as GraphiQL does. Prints a line for each, and exits with 1 if one fails.
import { getIntrospectionQuery, buildClientSchema } from 'graphql';
import { serverAudits } from 'graphql-http';

const url = process.argv[2];
const audits = serverAudits({ url });
let failed = audits.length < 60 ? 1 : 0;
for (const audit of audits) {
  const result = await audit.fn();
  if (result.status !== 'ok') failed += 1;
  const reason = result.status === 'ok' ? '' : `: ${result.status}, ${result.reason}`;
  console.log(`${result.id} ${result.name}${reason}`);
}

const query = getIntrospectionQuery({
  descriptions: true,
  specifiedByUrl: true,
  directiveIsRepeatable: true,
  schemaDescription: true,
  inputValueDeprecation: true,
  oneOf: true,
});
const answer = await fetch(url, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ query }),
});
const { data, errors } = await answer.json();
if (errors || !buildClientSchema(data).getMutationType().getFields().login) {
  failed += 1;
  console.log(`introspection: ${JSON.stringify(errors)}`);
}
console.log(`${audits.length} audits, ${failed} not met`);
process.exit(failed === 0 ? 0 : 1);
