import { brokersOf, withoutOverruledBrokers } from './brokers.ts';
import type { Config } from './config.ts';
import { type Environment, overlay, readEnvironment } from './environment.ts';
import { isWithin, type Path, type Report } from './kind.ts';
import { modernize, type Note, withBase } from './of-2013.ts';
import { type ConfigProblem, formatPath, formatProblem } from './problem.ts';
import { adviseTogether, checkTogether } from './rules.ts';
import { placeOf, problemAt, type Sources } from './sources.ts';
import { type Settings, table } from './table.ts';
import { parseYaml, problemsOf } from './yaml.ts';

export type ConfigResult =
  | {
      readonly ok: true;
      readonly config: Config;
      /** What is taken otherwise than its author may think, the file's by line; it stops nothing. */
      readonly warnings: readonly ConfigProblem[];
    }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** A configuration file that has been read. */
export interface ConfigFile {
  /** For the problems. */
  readonly name: string;
  readonly text: string;
}

/** The defaults: what serves with neither a file nor an environment. */
export function defaultConfig(): Config {
  const result = parseConfig(undefined, {});
  if (!result.ok) throw new Error('the defaults contradict the schema');
  return result.config;
}

/** The configuration of a file and an environment; or all that is wrong with them, the file first and by line. */
export function parseConfig(file: ConfigFile | undefined, env: Environment): ConfigResult {
  const environment = readEnvironment(env);
  const { variables } = environment;
  const parsed = parseYaml(file?.text ?? '');
  const problems = problemsOf(parsed, file?.name ?? '');
  if (!parsed.ok) return { ok: false, problems: [...problems, ...environment.problems] };
  if (file !== undefined && (parsed.value ?? undefined) === undefined) problems.push(emptyFile(file.name));

  const { tree: fromFile, notes, written } = modernize(parsed.value, sections, parsed.isAnchored);
  const lineOf = (path: Path) => parsed.lineOf(written(path));
  const sources: Sources = { fileName: file?.name, lineOf, written, variables };
  const refused: Path[] = [];
  const report: Report = (at, message, found) => {
    refused.push(at);
    const problem = problemAt(at, message, found, sources);
    // One of the file's keys may stand for two of today's.
    if (!problems.some((each) => formatProblem(each) === formatProblem(problem))) problems.push(problem);
  };
  const tree = overlay(withoutOverruledBrokers(fromFile, variables), variables);
  const settings = table.read(tree, [], report);
  const sound = (path: Path) => !refused.some((each) => isWithin(each, path) || isWithin(path, each));
  if (settings !== undefined) checkTogether(settings, sound, sources, report);

  problems.push(...environment.problems);
  const lineInFile = (problem: ConfigProblem) =>
    problem.file === file?.name ? (problem.line ?? 0) : Number.MAX_SAFE_INTEGER;
  const byLine = (a: ConfigProblem, b: ConfigProblem) => lineInFile(a) - lineInFile(b);
  if (problems.length > 0 || settings === undefined) return { ok: false, problems: problems.sort(byLine) };
  const ofFile = ({ at, message }: Note) => {
    return { file: file?.name ?? '', line: parsed.lineOf(at), key: formatPath(at), message };
  };
  const advice = adviseTogether(settings).map(({ at, message }) => problemAt(at, message, undefined, sources));
  const warnings = [...notes.map(ofFile), ...advice].sort(byLine);
  return { ok: true, config: toConfig(settings, sources), warnings };
}

const sections = [...(table.children?.keys() ?? [])];

/** Rather a file that was cut short, or is being written, than one that asks for the defaults. */
function emptyFile(name: string): ConfigProblem {
  const message = 'the file is empty; expected at least one section, or {} for the defaults';
  return { file: name, line: undefined, key: undefined, message };
}

function toConfig(settings: Settings, sources: Sources): Config {
  const { routes, application, ...rest } = settings;
  const { host: _host, port: _port, ...rabbitmq } = application.rabbitmq;
  const config: Config = {
    ...rest,
    application: {
      ...application,
      paths: withBase(application.paths),
      rabbitmq: { ...rabbitmq, hosts: brokersOf(application.rabbitmq) },
    },
  };
  if (routes === undefined || routes.length === 0) return config;
  const withLine = routes.map((route, index) => ({ ...route, line: placeOf(['Routes', index], sources).line ?? 1 }));
  return { ...config, routes: withLine };
}
