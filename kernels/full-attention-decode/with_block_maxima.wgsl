// After each tile's logits: the largest logit of each of its blocks and heads, or of the tile where a block is several.
// maxima f32 [Hkv, G, blocks * TILE_PARTS].

@group(0) @binding(6) var<storage, read_write> maxima: array<f32>;

const BLOCK_SUBS = select(SUBS, BLOCK / SUB, TILE_PARTS == 1u);

fn tile_seen(tile_part: u32, lane: u32) {
  let parts = (params.keys + BLOCK - 1u) / BLOCK * TILE_PARTS;
  for (var i = lane; i < TILE_BLOCKS * HEADS_HERE; i += WIDTH) {
    let head = i % HEADS_HERE;
    let part = tile_part * TILE_BLOCKS + i / HEADS_HERE;
    if (part >= parts || first_head + head >= GROUP) { continue; }
    var most = LOWEST;
    for (var j = 0u; j < BLOCK_SUBS; j++) {
      most = max(most, sub_maxima[(i / HEADS_HERE * BLOCK_SUBS + j) * HEADS_HERE + head]);
    }
    maxima[(own_kv_head * GROUP + first_head + head) * parts + part] = most;
  }
}
