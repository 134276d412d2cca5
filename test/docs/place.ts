import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** What a file that is uploaded may be made of: everything. */
export const PICTURE = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

/** Debian's packages of what Composer would have fetched, and what a Laravel application does when it starts. */
const AUTOLOAD = `<?php
foreach (['GuzzleHttp', 'Symfony/Component/HttpClient', 'Illuminate/Http', 'PhpAmqpLib'] as $package)
    require_once "/usr/share/php/$package/autoload.php";
Illuminate\\Support\\Facades\\Facade::setFacadeApplication(new class extends ArrayObject {
    public function offsetGet($name): mixed { return new $name(); }
});
`;

/** A directory to run a document's blocks in: the repository's files, the program's command, a picture to upload. */
export class Place {
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;

  private constructor(directory: string) {
    this.directory = directory;
    this.env = { ...process.env, PATH: `${directory}/bin:/usr/bin:${process.env.PATH}:/usr/sbin` };
  }

  static async create(): Promise<Place> {
    const directory = await mkdtemp(join(tmpdir(), 'statelessd-docs-'));
    for (const name of ['config', 'dist']) await symlink(join(ROOT, name), join(directory, name));
    await mkdir(join(directory, 'vendor'));
    await writeFile(join(directory, 'vendor/autoload.php'), AUTOLOAD);
    await writeFile(join(directory, 'picture.png'), PICTURE);
    await mkdir(join(directory, 'bin'));
    const command = join(directory, 'bin/statelessd');
    await writeFile(command, `#!/bin/sh\nexec '${process.execPath}' '${ROOT}/dist/cli.js' "$@"\n`);
    await chmod(command, 0o755);
    await symlink(process.execPath, join(directory, 'bin/node'));
    return new Place(directory);
  }

  async write(name: string, text: string): Promise<string> {
    await writeFile(join(this.directory, name), text);
    return name;
  }

  async delete(): Promise<void> {
    await rm(this.directory, { recursive: true });
  }
}
