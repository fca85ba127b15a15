// What matrix_split_kv.wgsl does with block maxima where scores are wanted: the largest logit (base 2) of every head and
// block is written once, when the block's last key has been seen. B is a multiple of 16, and so is what a split begins with.
// maxima f32 [Hkv, G, blocks].

@group(0) @binding(6) var<storage, read_write> maxima: array<f32>;

var<workgroup> sixteen_maxima: array<f32, 16u * KEY_TILES>;
/** Of the block that is being seen, in the first invocation of each row. */
var<private> block_top: f32;

fn begin_blocks() { block_top = LOWEST; }

fn keep_sixteen(row: u32, part: u32, sixteen: u32, top: f32) {
  if (part % 4u == 0u) { sixteen_maxima[row * KEY_TILES + sixteen] = top; }
}

/** The tile at key `first` has been seen; `end` is where the split, or the cache, ends. */
fn keys_seen(first: u32, end: u32, lane: u32) {
  let row = lane / LANES;
  if (lane % LANES != 0u || first_head + row >= GROUP) { return; }
  let blocks = (params.keys + BLOCK - 1u) / BLOCK;
  for (var n = 0u; n < KEY_TILES; n++) {
    let key = first + 16u * n;
    if (key < end) {
      block_top = max(block_top, sixteen_maxima[row * KEY_TILES + n]);
      if ((key + 16u) % BLOCK == 0u || key + 16u >= end) {
        maxima[(own_kv_head * GROUP + first_head + row) * blocks + key / BLOCK] = block_top;
        block_top = LOWEST;
      }
    }
  }
}
