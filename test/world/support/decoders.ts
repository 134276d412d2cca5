import type { Consumer, Description } from './consumers.ts';
import { numeral, type Wire } from './wire.ts';

/**
 * What a consumer makes of a value on the wire. Most libraries read a few types in a way of their own, whoever
 * published; Debian 12's versions are meant.
 */
export function readingOf(consumer: Consumer, wire: Wire): Description {
  const { scalar = () => undefined, keepsInArray = () => true, emptyTable } = PECULIARITIES[consumer];
  if (typeof wire === 'string') {
    const letter = wire.slice(0, 1);
    const value = wire.slice(2);
    return scalar(letter, value) ?? plain(letter, value);
  }
  if (isArray(wire)) return wire.filter(keepsInArray).map((item) => readingOf(consumer, item));
  const fields = Object.entries(wire);
  if (fields.length === 0 && emptyTable) return emptyTable;
  return Object.fromEntries(fields.map(([name, value]) => [name, readingOf(consumer, value)]));
}

interface Peculiarity {
  readonly scalar?: (letter: string, value: string) => string | undefined;
  readonly keepsInArray?: (wire: Wire) => boolean;
  readonly emptyTable?: Description;
}

/** py-amqp and pika take `l` for unsigned. */
const unsigned64 = (letter: string, value: string): string | undefined =>
  letter === 'l' ? `int ${BigInt.asUintN(64, BigInt(value))}` : undefined;

/** PHP has one type for what is text and what is not, and one for arrays and tables. */
const phpAndRubyBytes = (letter: string, value: string): string | undefined => {
  if (letter !== 'x') return undefined;
  const bytes = Buffer.from(value, 'base64');
  return bytes.toString().includes('\ufffd') ? `bytes ${value}` : `string ${bytes}`;
};

const PECULIARITIES: Readonly<Record<Consumer, Peculiarity>> = {
  'py-amqp': { scalar: unsigned64 },
  kombu: { scalar: unsigned64 },
  pika: {
    // It makes an integer of a double.
    scalar: (letter, value) =>
      letter === 'd' ? `int ${BigInt(Math.trunc(Number(value)))}` : unsigned64(letter, value),
  },
  'php-amqplib': { scalar: phpAndRubyBytes, emptyTable: [] },
  "PHP's amqp extension": {
    scalar: phpAndRubyBytes,
    // It leaves everything else out of an array, arrays included.
    keepsInArray: (wire) => (typeof wire === 'string' ? wire.startsWith('S') : !isArray(wire)),
    emptyTable: [],
  },
  bunny: {
    // It takes `I` for unsigned.
    scalar: (letter, value) =>
      letter === 'I' ? `int ${BigInt.asUintN(32, BigInt(value))}` : phpAndRubyBytes(letter, value),
  },
  'the Java client': {},
};

function plain(letter: string, value: string): string {
  switch (letter) {
    case 'I':
    case 'l':
      return `int ${value}`;
    case 'd':
      return `float ${numeral(Number(value))}`;
    case 't':
      return `bool ${value}`;
    case 'V':
      return 'null';
    case 'S':
      return `string ${value}`;
    case 'T':
      return `time ${value}`;
    case 'x':
      return `bytes ${value}`;
    case 'D': {
      const [digits = '', scale = '0'] = value.split('e-');
      return `decimal ${Number(digits) / 10 ** Number(scale)}`;
    }
    default:
      throw new Error(`no message of ours has the type ${letter}`);
  }
}

const isArray = (wire: Exclude<Wire, string>): wire is readonly Wire[] => Array.isArray(wire);
