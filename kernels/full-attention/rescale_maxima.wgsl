// Block scores out of block maxima: S = max over the G heads of exp2(maximum of the block - row's maximum) / row's sum.
//
//  1. a workgroup takes SIDE queries x SIDE blocks of a KV head; neighbouring invocations take neighbouring queries,
//     whose rows lie side by side in `raw`;
//  2. through workgroup memory the tile turns over, so that neighbouring invocations write neighbouring blocks.
//
// raw [Hkv, blocks, C G], statistics [Hkv, C G] (maximum, 1 / sum), scores [C, Hkv, blocks]; f32. A block without visible
// keys (it begins after the query's position) gets 0 and its raw values, which nobody wrote, are not read.

@group(0) @binding(1) var<storage, read> raw: array<f32>;
@group(0) @binding(2) var<storage, read> statistics: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read_write> scores: array<f32>;

const SIDE = 16u;

var<workgroup> turned: array<f32, SIDE * (SIDE + 1u)>;

@compute @workgroup_size(SIDE * SIDE)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let block_tiles = (params.blocks + SIDE - 1u) / SIDE;
  let row_tiles = (params.rows + SIDE - 1u) / SIDE;
  let number = workgroup.y * params.stride + workgroup.x;
  if (number >= block_tiles * row_tiles * params.kv_heads) { return; }
  let first_block = number % block_tiles * SIDE;
  let first_row = number / block_tiles % row_tiles * SIDE;
  let head = number / block_tiles / row_tiles;

  let row = first_row + lane % SIDE;
  let block = first_block + lane / SIDE;
  var score = 0.0;
  if (row < params.rows && block < params.blocks && block * params.block <= params.start + row) {
    for (var g = 0u; g < params.group; g++) {
      let maximum = raw[((head * params.blocks + block) * params.rows + row) * params.group + g];
      let statistic = statistics[(head * params.rows + row) * params.group + g];
      score = max(score, exp2(maximum - statistic.x) * statistic.y);
    }
  }
  turned[lane % SIDE * (SIDE + 1u) + lane / SIDE] = score;
  workgroupBarrier();

  let out_row = first_row + lane / SIDE;
  let out_block = first_block + lane % SIDE;
  if (out_row < params.rows && out_block < params.blocks) {
    scores[((params.first + out_row) * params.kv_heads + head) * params.blocks + out_block] =
      turned[lane / SIDE * (SIDE + 1u) + lane % SIDE];
  }
}
