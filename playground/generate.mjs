// Generates types from the server's schema and from the operations of the page: `src/api/generated/`.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { codegen } from '@graphql-codegen/core';
import * as typescript from '@graphql-codegen/typescript';
import * as operations from '@graphql-codegen/typescript-operations';
import * as documents from '@graphql-codegen/typed-document-node';
import { buildSchema, parse, printSchema } from 'graphql';

const here = (path) => new URL(path, import.meta.url);
const read = (path) => readFile(here(path), 'utf8');

const schema = parse(printSchema(buildSchema(await read('../schema.graphql'))));
const page = [{ location: 'operations.graphql', document: parse(await read('src/api/operations.graphql')) }];
const config = {
  strictScalars: true,
  scalars: { DateTime: 'string', PhoneNumber: 'string' },
  enumsAsConst: true,
  useTypeImports: true,
  avoidOptionals: { field: true },
  skipTypename: true,
};

async function generate(filename, plugins) {
  const output = await codegen({
    filename,
    schema,
    documents: page,
    config,
    plugins: plugins.map((name) => ({ [name]: {} })),
    pluginMap: { typescript, operations, documents },
  });
  await writeFile(here(`src/api/generated/${filename}`), output);
}

await mkdir(here('src/api/generated/'), { recursive: true });
await generate('schema.ts', ['typescript']);
await generate('operations.ts', ['operations', 'documents']);
