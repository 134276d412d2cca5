/**
 * `npm run soak [MINUTES]`: many users and exchanges, and a random fault now and then; afterwards every message is
 * accounted for, and memory, descriptors and channels are compared with what they were in the second quarter.
 */
import { soak } from './soak-run.ts';

const minutes = Number(process.argv[2] ?? 10);
const { verdict, growth, clean } = await soak({ minutes, log: (line) => console.log(line) });
console.log(
  `${clean ? 'clean' : 'NOT CLEAN'}: ${verdict.messages} messages, ${verdict.confirmed} confirmed, ${verdict.lost.length} lost, ` +
    `${verdict.falseNo.length} false no, ${verdict.misattributed.length} misattributed, ${verdict.unanswered.length} unanswered, ` +
    `${verdict.duplicates} duplicates`,
);
for (const [name, ratio] of Object.entries(growth))
  console.log(`${name}: ${ratio.toFixed(2)} times the second quarter's, in the last`);
process.exitCode = clean ? 0 : 1;
