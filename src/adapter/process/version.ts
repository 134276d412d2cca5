import manifest from '../../../package.json' with { type: 'json' };

/** The package's version. The build puts it in place of this import. */
export const VERSION: string = manifest.version;
