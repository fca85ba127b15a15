// What every query head makes of the mean of every block before its query's own: dot products in f32, unscaled.
//
// An invocation has ROWS queries of one head and BLOCKS neighbouring blocks, so that four values of a query serve as many means,
// and those of a mean as many queries. Blocks that a query may not judge get 0; means of blocks that are not full may hold
// anything and are never counted.
//
// q f32 [C, Hq, d]; means halves [Hkv, room, d]; scores f32 [C, Hq, blocks].

@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> means: array<Half4>;
@group(0) @binding(3) var<storage, read_write> scores: array<f32>;

const D4 = HEAD_DIM / 4u;

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * params.stride + group.x) * WIDTH + lane;
  let runs = (params.blocks + BLOCKS - 1u) / BLOCKS;
  let block = i % runs * BLOCKS;
  let head = i / runs % QUERY_HEADS;
  let row = i / runs / QUERY_HEADS * ROWS;
  if (row >= params.rows) { return; }

  var sums: array<array<f32, BLOCKS>, ROWS>;
  for (var r = 0u; r < ROWS; r++) { for (var b = 0u; b < BLOCKS; b++) { sums[r][b] = 0.0; } }
  if (block < (params.start + min(row + ROWS, params.rows) - 1u) / BLOCK) {
    let kv = head / GROUP * params.room;
    for (var c = 0u; c < D4; c++) {
      var mean: array<vec4<f32>, BLOCKS>;
      for (var b = 0u; b < BLOCKS; b++) { mean[b] = widen(means[(kv + min(block + b, params.room - 1u)) * D4 + c]); }
      for (var r = 0u; r < ROWS; r++) {
        let x = q[(min(row + r, params.rows - 1u) * QUERY_HEADS + head) * D4 + c];
        for (var b = 0u; b < BLOCKS; b++) { sums[r][b] += dot(x, mean[b]); }
      }
    }
  }
  for (var r = 0u; r < ROWS && row + r < params.rows; r++) {
    let own = (params.start + row + r) / BLOCK;
    let to = ((row + r) * QUERY_HEADS + head) * params.blocks;
    for (var b = block; b < min(block + BLOCKS, params.blocks); b++) {
      scores[to + b] = select(0.0, sums[r][b - block], b < own);
    }
  }
}
