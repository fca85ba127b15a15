// What matrix_softmax.wgsl does with block maxima where scores are wanted: the largest logit (times log2 e) of every
// row and block is written once, when the block's last key, or the row tile's, has been seen. rescale_maxima.wgsl
// turns them into probabilities.
//
// raw [Hkv, blocks, rows] f32, rows = C G numbered c * G + g; statistics [Hkv, rows] (reference, 1 / sum relative to
// it).

@group(0) @binding(5) var<storage, read_write> raw: array<f32>;
@group(0) @binding(6) var<storage, read_write> statistics: array<vec2<f32>>;

// The block that is being seen, its keys still to come, and its largest logit so far, by part.
var<private> block_number: array<u32, PARTS>;
var<private> block_left: array<u32, PARTS>;
var<private> block_top: array<f32, PARTS>;

fn begin_blocks() {
  for (var part = 0u; part < PARTS; part++) {
    block_number[part] = 0u;
    block_left[part] = params.block;
    block_top[part] = LOWEST;
  }
}

/// `count` more keys of a block have been seen, from `begin` on; `top` is the row's largest logit among them. No key
/// from `end` on is visible to any row of the workgroup.
fn keep_block_maximum(head: u32, row: u32, writes: bool, part: u32, begin: u32, count: u32, end: u32, top: f32) {
  block_top[part] = max(block_top[part], top);
  block_left[part] -= count;
  if (block_left[part] == 0u || begin + count >= end) {
    if (writes && begin < end) {
      raw[(head * params.blocks + block_number[part]) * (params.rows * params.group) + row] = block_top[part];
    }
    block_number[part]++;
    block_left[part] = params.block;
    block_top[part] = LOWEST;
  }
}

fn keep_statistics(head: u32, row: u32, reference: f32, inverse_sum: f32) {
  statistics[head * params.rows * params.group + row] = vec2<f32>(reference, inverse_sum);
}
