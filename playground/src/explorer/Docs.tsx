// The schema, type by type: what a field takes and returns.
import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLSchema,
  type GraphQLType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isIntrospectionType,
  isObjectType,
  isUnionType,
} from 'graphql';
import { useId, useState } from 'react';
import { useLanguage } from '../i18n';

const ROOT = '';

interface Props {
  schema: GraphQLSchema;
}

export function Docs({ schema }: Props) {
  const { t } = useLanguage();
  const id = useId();
  const [path, setPath] = useState<string[]>([]);
  const [sought, setSought] = useState('');
  const shown = path.at(-1) ?? ROOT;
  const open = (name: string) => {
    setPath([...path, name]);
    setSought('');
  };
  return (
    <section className="docs" aria-labelledby={`${id}-heading`}>
      <div className="card-head">
        <h2 id={`${id}-heading`}>{shown || t.explorer.docs}</h2>
        {shown && (
          <button type="button" className="button-small" onClick={() => setPath(path.slice(0, -1))}>
            {t.explorer.back}
          </button>
        )}
      </div>
      <input
        type="search"
        aria-label={t.explorer.search}
        placeholder={t.explorer.search}
        value={sought}
        onChange={(event) => setSought(event.target.value)}
      />
      {sought.trim() ? (
        <Found schema={schema} sought={sought.trim().toLowerCase()} open={open} />
      ) : (
        <TypeDocs schema={schema} name={shown} open={open} />
      )}
    </section>
  );
}

type Open = (name: string) => void;

function Found({ schema, sought, open }: { schema: GraphQLSchema; sought: string; open: Open }) {
  const { t } = useLanguage();
  const names = Object.values(schema.getTypeMap())
    .filter((type) => !isIntrospectionType(type))
    .filter((type) => {
      const fields = isObjectType(type) || isInputObjectType(type) ? Object.keys(type.getFields()) : [];
      const values = isEnumType(type) ? type.getValues().map(({ name }) => name) : [];
      return [type.name, ...fields, ...values].some((name) => name.toLowerCase().includes(sought));
    })
    .map(({ name }) => name);
  return (
    <ul lang="en">
      {names.map((name) => (
        <li key={name}>
          <TypeLink name={name} text={name} open={open} />
        </li>
      ))}
      {names.length === 0 && <li className="muted">{t.explorer.nothing}</li>}
    </ul>
  );
}

function TypeDocs({ schema, name, open }: { schema: GraphQLSchema; name: string; open: Open }) {
  if (name === ROOT) {
    const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
    return (
      <ul lang="en">
        {roots.map(
          (type) =>
            type && (
              <li key={type.name}>
                <TypeLink name={type.name} text={type.name} open={open} />
                <Description text={type.description} />
              </li>
            ),
        )}
      </ul>
    );
  }
  const type = schema.getType(name);
  return (
    <div lang="en">
      <Description text={type?.description} />
      <ul>
        {(isObjectType(type) || isInputObjectType(type)) &&
          Object.values(type.getFields()).map((field) => <FieldDocs key={field.name} field={field} open={open} />)}
        {isEnumType(type) &&
          type.getValues().map((value) => (
            <li key={value.name}>
              <code>{value.name}</code>
              <Description text={value.description} />
            </li>
          ))}
        {isUnionType(type) &&
          type.getTypes().map((member) => (
            <li key={member.name}>
              <TypeLink name={member.name} text={member.name} open={open} />
            </li>
          ))}
      </ul>
    </div>
  );
}

function FieldDocs({ field, open }: { field: GraphQLField<unknown, unknown> | GraphQLInputField; open: Open }) {
  const taken: readonly GraphQLArgument[] = 'args' in field ? field.args : [];
  return (
    <li>
      <code>{field.name}</code>
      {taken.map((argument) => (
        <span key={argument.name}>
          {' ('}
          <code>{argument.name}</code>: <LinkTo type={argument.type} open={open} />)
        </span>
      ))}
      {': '}
      <LinkTo type={field.type} open={open} />
      <Description text={field.description} />
    </li>
  );
}

function LinkTo({ type, open }: { type: GraphQLType; open: Open }) {
  return <TypeLink name={getNamedType(type).name} text={String(type)} open={open} />;
}

function TypeLink({ name, text, open }: { name: string; text: string; open: Open }) {
  return (
    <button type="button" className="type-link" onClick={() => open(name)}>
      {text}
    </button>
  );
}

/** A description, with its code between backticks. */
function Description({ text }: { text: string | null | undefined }) {
  if (!text) return null;
  return <p className="muted small">{text.split('`').map((part, index) => (index % 2 ? <code key={index}>{part}</code> : part))}</p>;
}
