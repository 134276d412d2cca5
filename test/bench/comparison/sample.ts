/** What one measurement of one subject found. */
export interface Sample {
  /** Messages a second. */
  readonly rate: number;
  /** CPU of the subject for one message, in microseconds; of PHP, nobody asks. */
  readonly micros?: number;
  readonly brokerMicros: number;
  /** Until the answer, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** The middle of several measurements, and the lowest and highest. */
export interface Median {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export function median(values: readonly number[]): Median {
  const sorted = values.toSorted((a, b) => a - b);
  return {
    value: sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN,
    low: sorted[0] ?? Number.NaN,
    high: sorted.at(-1) ?? Number.NaN,
  };
}

export type Measure = () => Promise<Sample>;

/** Subjects that are compared with each other, by name. */
export type Subjects = Readonly<Record<string, Measure>>;

/** All rounds of all subjects. The order turns round with each, so that none always follows the same one. */
export async function measureAll(
  subjects: Subjects,
  rounds: number,
  report: (line: string) => void,
): Promise<ReadonlyMap<string, readonly Sample[]>> {
  const samples = new Map<string, Sample[]>(Object.keys(subjects).map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    const order = Object.entries(subjects);
    for (const [name, measure] of round % 2 === 0 ? order : order.toReversed()) {
      const sample = await measure();
      samples.get(name)?.push(sample);
      const cpu = sample.micros === undefined ? '' : `, ${sample.micros.toFixed(0)} µs`;
      report(`${name}: ${sample.rate.toFixed(0)}/s${cpu}, p50 ${sample.p50.toFixed(2)} ms`);
    }
  }
  return samples;
}
