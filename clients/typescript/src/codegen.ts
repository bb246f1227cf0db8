// The settings of GraphQL Code Generator for the schema of sms-login.

/** The TypeScript types of the schema's scalars. Both are strings in JSON. */
export const scalars = { DateTime: 'string', PhoneNumber: 'string' } as const;

/** Settings for the presets and plugins of GraphQL Code Generator. They fail if a scalar has no type. */
export const config = { strictScalars: true, scalars, enumsAsTypes: true, useTypeImports: true } as const;
