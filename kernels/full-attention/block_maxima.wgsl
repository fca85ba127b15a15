// What online_softmax.wgsl does with block maxima where scores are wanted: the largest logit (times log2 e) of every row
// and block is written by the invocation that folds the row's maxima anyway; rescale_maxima.wgsl turns them into
// probabilities when the row's final maximum and sum are known.
//
//  - a tile that holds several blocks: the maximum of each block's quads of keys (then B is a multiple of 4);
//  - a tile that holds one block: the row's maximum in the tile;
//  - a block of several tiles: the maximum so far, written over with every tile.
//
// raw [Hkv, blocks, rows] f32, rows = C G numbered c * G + g; statistics [Hkv, rows] (final maximum, 1 / final sum).

@group(0) @binding(5) var<storage, read_write> raw: array<f32>;
@group(0) @binding(6) var<storage, read_write> statistics: array<vec2<f32>>;

var<private> block_maximum: f32;

fn raw_at(head: u32, block: u32, row: u32) -> u32 {
  return (head * params.blocks + block) * (params.rows * params.group) + row;
}

fn keep_block_maxima(head: u32, row: u32, lane: u32, begin: u32, to: u32, top: f32) {
  if (params.span >= 2u * params.block) {
    let quads = params.block / 4u;
    for (var i = 0u; begin + i * params.block < to; i++) {
      var highest = LOWEST;
      for (var n = 0u; n < quads; n++) {
        highest = max(highest, maxima[(i * quads + n) * MAXIMA_STRIDE + lane]);
      }
      raw[raw_at(head, begin / params.block + i, row)] = highest;
    }
  } else {
    if (begin % params.block == 0u) { block_maximum = LOWEST; }
    block_maximum = max(block_maximum, top);
    raw[raw_at(head, begin / params.block, row)] = block_maximum;
  }
}

fn keep_statistics(head: u32, row: u32, maximum: f32, inverse_sum: f32) {
  statistics[head * params.rows * params.group + row] = vec2<f32>(maximum, inverse_sum);
}
