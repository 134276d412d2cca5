import type { Schema } from './schema.ts';

// The parts of an OpenAPI document that this one is made of. @see https://spec.openapis.org/oas/v3.1.1.html

export interface Header {
  readonly description?: string;
  /** It stands in every such answer. */
  readonly required?: boolean;
  readonly schema: Schema;
}

export interface Answer {
  readonly description: string;
  readonly headers: Readonly<Record<string, Header>>;
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
  /** There may also be no body at all. */
  readonly 'x-may-be-empty'?: true;
}

/** By status. */
export type Answers = Readonly<Record<string, Answer>>;

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly description?: string;
  readonly schema: Schema;
}

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: object;
  readonly responses: Answers;
}

/** What a handler of the route table does. */
export interface HandlerOperation {
  /** The path, where the route's own expression says too much for a template. */
  readonly template?: string;
  readonly method: 'get' | 'post';
  /** The groups of the route's regular expression, in order. */
  readonly path: readonly Parameter[];
  /** So many of the last groups a route's expression may lack. */
  readonly optional?: number;
  readonly operation: Operation;
}
