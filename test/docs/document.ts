import { readdirSync, readFileSync } from 'node:fs';

const ROOT = new URL('../../', import.meta.url);

/** A block of code, and what the comments before it say to the tests. */
export interface Block {
  readonly line: number;
  /** The fence's first word; empty for an indented block. */
  readonly language: string;
  readonly code: string;
  /** Of `<!-- not run: REASON -->`. */
  readonly notRun?: string;
  /** Of `<!-- runs until: TEXT -->`: it is stopped once it has said so on standard error. */
  readonly runsUntil?: string;
  /** Of `<!-- arrives: JSON -->`: the message that is in the queue afterwards, or an array of them. */
  readonly arrives?: string;
  /** What it prints: the `text` block that follows it. */
  output?: string;
}

export interface Document {
  /** From the repository's root. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
}

/** README.md and every page of docs. */
export function documents(): Document[] {
  const pages = readdirSync(new URL('docs', ROOT)).filter((name) => name.endsWith('.md'));
  return ['README.md', ...pages.sort().map((page) => `docs/${page}`)].map(readDocument);
}

export function readDocument(path: string): Document {
  const text = readFileSync(new URL(path, ROOT), 'utf8');
  return { path, text, blocks: blocksOf(text) };
}

const BLOCK =
  /^<!-- (?<name>not run|runs until|arrives): (?<value>.*?) -->$|^(?<indent> *)```(?<language>\S*)\n(?<fenced>[\s\S]*?)^ *```$|(?<=\n\n)(?<indented>(?: {4}.*\n|\n(?= {4}))+)|^(?<prose>\S.*)$/gm;

function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  let orders: Record<string, string> = {};
  let shown: Block | undefined;
  for (const match of text.matchAll(BLOCK)) {
    const { name, value = '', indent = '', language = '', fenced, indented, prose } = match.groups ?? {};
    if (name !== undefined) orders[name] = value;
    else if (prose !== undefined) {
      orders = {};
      shown = undefined;
    } else {
      const code = (fenced ?? indented ?? '').replaceAll(new RegExp(`^${indented ? '    ' : indent}`, 'gm'), '');
      if (language === 'text' && shown && Object.keys(orders).length === 0) shown.output = code;
      else {
        shown = blockOf(lineOf(text, match.index), language, code, orders);
        blocks.push(shown);
      }
      orders = {};
    }
  }
  return blocks;
}

function blockOf(line: number, language: string, code: string, orders: Record<string, string>): Block {
  const { 'not run': notRun, 'runs until': runsUntil, arrives } = orders;
  return {
    line,
    language,
    code,
    ...(notRun !== undefined && { notRun }),
    ...(runsUntil !== undefined && { runsUntil }),
    ...(arrives !== undefined && { arrives }),
  };
}

const lineOf = (text: string, index: number): number => text.slice(0, index).split('\n').length;

/** The rows of all tables below a heading, as cells, without heads and rules. */
export function tableUnder({ path, text }: Document, heading: string): string[][] {
  const section = text.split(/^#+ /m).find((part) => part.startsWith(`${heading}\n`));
  if (section === undefined) throw new Error(`${path} has no heading "${heading}"`);
  const rows = [...section.matchAll(/^\| (.*) \|$/gm)].map(([, row = '']) => row.split(/ \| /));
  return rows.filter((row, index) => !isRule(row) && !isRule(rows[index + 1] ?? []));
}

const isRule = ([first = '']: readonly string[]): boolean => /^:?-+:?$/.test(first);
