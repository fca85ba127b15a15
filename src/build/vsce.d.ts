/** The part of vsce's interface that we use; the package brings no types. */
declare module "@vscode/vsce" {
  export function createVSIX(options: {
    readonly cwd: string;
    readonly packagePath: string;
    readonly target: string;
    /** false: no look into node_modules, the files of the folder are all there is. */
    readonly dependencies: boolean;
    readonly allowMissingRepository: boolean;
    readonly rewriteRelativeLinks: boolean;
    /** Skips a search for secrets that reads every file, the model's 50 MB included. */
    readonly allowPackageAllSecrets: boolean;
    readonly allowPackageEnvFile: boolean;
  }): Promise<void>;
}
