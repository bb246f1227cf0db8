// Generates the models of operations.graphql for Kotlin, Swift and Dart from schema.graphql:
//   npm install && npm run generate
//
// quicktype reads JSON Schema, so this first writes the types of the schema as JSON Schema: inputs and outputs with their names and
// descriptions, a union as an object with the fields of all its types, and for each operation its response.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildSchema, isEnumType, isInputObjectType, isListType, isNonNullType, isScalarType, isUnionType, parse } from 'graphql';
import { InputData, JSONSchemaInput, quicktype } from 'quicktype-core';

const here = (name) => new URL(name, import.meta.url);
const schema = buildSchema(readFileSync(process.env.SCHEMA ?? here('../../schema.graphql'), 'utf8'));
const document = parse(readFileSync(here('operations.graphql'), 'utf8'));

/** Times and phones are text: the app formats them. A scalar that is missing here has no model. */
const SCALARS = { Boolean: 'boolean', Int: 'integer', ID: 'string', String: 'string', DateTime: 'string', PhoneNumber: 'string' };

const definitions = {
  GraphQLError: {
    type: 'object',
    description: 'A failure that is not a problem, such as an expired access token.',
    properties: { message: { type: 'string' }, extensions: { $ref: '#/definitions/GraphQLErrorExtensions' } },
    required: ['message'],
  },
  GraphQLErrorExtensions: {
    type: 'object',
    properties: {
      code: { type: 'string', description: 'An `ErrorCode`, or `GRAPHQL_PARSE_FAILED` or `GRAPHQL_VALIDATION_FAILED`.' },
      errorCode: { type: 'integer' },
      retryAfterSeconds: { type: 'integer' },
      requestId: { type: 'string' },
    },
    required: ['code', 'errorCode'],
  },
};

/** Returns the JSON Schema of a type. */
function typeOf(type) {
  if (isNonNullType(type)) return valueOf(type.ofType);
  return { anyOf: [valueOf(type), { type: 'null' }] };
}

function valueOf(type) {
  if (isListType(type)) return { type: 'array', items: typeOf(type.ofType) };
  if (isScalarType(type)) {
    if (!SCALARS[type.name]) throw new Error(`the scalar ${type.name} has no model`);
    return { type: SCALARS[type.name] };
  }
  if (!definitions[type.name]) {
    definitions[type.name] = {};
    Object.assign(definitions[type.name], { description: type.description }, definitionOf(type));
  }
  return { $ref: `#/definitions/${type.name}` };
}

function definitionOf(type) {
  if (isEnumType(type)) return { type: 'string', enum: type.getValues().map(({ name }) => name) };
  if (isUnionType(type)) {
    // A problem has a code, and a payload has not.
    return objectOf(type.getTypes().flatMap((member) => Object.values(member.getFields())), () => false);
  }
  const isInput = isInputObjectType(type);
  return objectOf(
    Object.values(type.getFields()),
    (field) => isNonNullType(field.type) && !(isInput && field.defaultValue !== undefined),
  );
}

function objectOf(fields, isRequired) {
  const properties = fields.map(({ name, type, description }) => [name, { ...typeOf(type), ...(description && { description }) }]);
  const required = fields.filter(isRequired).map(({ name }) => name);
  return { type: 'object', properties: Object.fromEntries(properties), required };
}

/** The response and the input of each operation. They are properties of one type, because quicktype lets only these share types. */
const operations = {};
for (const { kind, name, operation, selectionSet, variableDefinitions } of document.definitions) {
  if (kind !== 'OperationDefinition') continue;
  const root = operation === 'query' ? schema.getQueryType() : schema.getMutationType();
  const selected = selectionSet.selections.map((field) => root.getFields()[field.name.value]);
  const response = `${name.value}Response`;
  const typeOfData = { anyOf: [{ $ref: `#/definitions/${name.value}Data` }, { type: 'null' }] };
  definitions[`${name.value}Data`] = objectOf(selected, () => false);
  definitions[response] = {
    type: 'object',
    properties: { data: typeOfData, errors: { type: 'array', items: { $ref: '#/definitions/GraphQLError' } } },
  };
  operations[response] = { $ref: `#/definitions/${response}` };
  for (const { type } of variableDefinitions) {
    const input = (type.kind === 'NonNullType' ? type.type : type).name.value;
    operations[input] = valueOf(schema.getType(input));
  }
}

/** Returns the models in a language. */
export async function generate(lang, rendererOptions) {
  const input = new JSONSchemaInput(undefined);
  await input.addSource({ name: 'Operations', schema: JSON.stringify({ type: 'object', properties: operations, definitions }) });
  const inputData = new InputData();
  inputData.addInput(input);
  const { lines } = await quicktype({ inputData, lang, rendererOptions });
  return lines.join('\n');
}

const LANGUAGES = {
  'Models.kt': ['kotlin', { framework: 'kotlinx', 'acronym-style': 'camel', package: 'com.example.smslogin' }],
  'Models.swift': ['swift', { sendable: 'true', 'acronym-style': 'camel', 'mutable-properties': 'true', initializers: 'false' }],
  'models.dart': ['dart', { 'use-json-annotation': 'true', 'coders-in-class': 'true', 'part-name': 'models' }],
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [file, [lang, options]] of Object.entries(LANGUAGES)) writeFileSync(here(file), await generate(lang, options));
}
