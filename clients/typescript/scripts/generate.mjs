// Generates `src/generated/` from the server's schema and from `src/operations.graphql`. With `--check` it only compares.
import { readFile, writeFile } from 'node:fs/promises';
import { codegen } from '@graphql-codegen/core';
import * as typescript from '@graphql-codegen/typescript';
import { buildSchema, parse, print, printSchema, stripIgnoredCharacters, validate } from 'graphql';

const here = (path) => new URL(`../${path}`, import.meta.url);
const read = (path) => readFile(here(path), 'utf8');

const schema = buildSchema(await read('../../schema.graphql'));
const operations = parse(await read('src/operations.graphql'));
const faults = validate(schema, operations);
if (faults.length > 0) throw new Error(faults.join('\n'));

const NOTE = '// Generated from schema.graphql by `npm run generate`. Do not edit.\n';

/** Returns the types of the schema. */
async function types() {
  const config = {
    strictScalars: true,
    scalars: { DateTime: 'string', PhoneNumber: 'string' },
    enumsAsTypes: true,
    avoidOptionals: { field: true },
    skipTypename: true,
  };
  const output = await codegen({
    filename: 'schema.ts',
    schema: parse(printSchema(schema)),
    documents: [],
    config,
    plugins: [{ typescript: {} }],
    pluginMap: { typescript },
  });
  return `${NOTE}${output}`;
}

/** Returns the codes with which each operation can fail, from the directive `@raises`. */
function raises() {
  const fields = [schema.getQueryType(), schema.getMutationType()].flatMap((type) => Object.values(type.getFields()));
  const lines = fields.map(({ name, astNode }) => {
    const directive = astNode.directives.find((candidate) => candidate.name.value === 'raises');
    const codes = directive?.arguments[0].value.values.map(({ value }) => `'${value}'`) ?? [];
    return `  ${name}: ${codes.join(' | ') || 'never'};\n`;
  });
  return `${NOTE}
/** The codes of the problems and errors that each operation can have, besides those that every operation can have. */
export interface Raises {\n${lines.join('')}}\n`;
}

/** Returns the operations as short strings. */
function documents() {
  const fragments = operations.definitions.filter(({ kind }) => kind === 'FragmentDefinition');
  const short = (node) => stripIgnoredCharacters(print(node)).replaceAll("'", "\\'");
  const lines = operations.definitions.map((node) => {
    if (node.kind === 'FragmentDefinition') return `const ${node.name.value} =\n  '${short(node)}';\n`;
    const used = fragments.filter(({ name }) => print(node).includes(`...${name.value}\n`));
    const parts = [`\n  '${short(node)}'`, ...used.map(({ name }) => name.value)];
    return `\nexport const ${node.name.value} =${parts.join(' + ')};\n`;
  });
  return `${NOTE}\n${lines.join('')}`;
}

const files = { 'schema.ts': await types(), 'raises.ts': raises(), 'documents.ts': documents() };
for (const [name, text] of Object.entries(files)) {
  const path = `src/generated/${name}`;
  if (!process.argv.includes('--check')) {
    await writeFile(here(path), text);
  } else if ((await read(path).catch(() => '')) !== text) {
    console.error(`${path} does not fit the schema any more: run npm run generate`);
    process.exitCode = 1;
  }
}
