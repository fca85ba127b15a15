/** When the bundle began to run. Imported first by the entry file, so that activation time includes all other modules. */
export const LOADED_AT = performance.now();
