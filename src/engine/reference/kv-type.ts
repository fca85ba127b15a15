/** Rounding of what caches hold, to compare with engines whose caches hold 16 bits. */
export type KvType = "float16";
